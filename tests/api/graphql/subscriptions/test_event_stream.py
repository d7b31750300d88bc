"""Subscriptions as server-sent events, and who gets JSON all the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson
import pytest

from api.graphql.subscriptions import event_stream
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW, change
from tests.api.server import TRACE, Client, Served, serving
from tests.api.test_sessions import END, session_of
from tests.e2e.processes import eventually

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
STREAM = "text/event-stream"


@contextmanager
def stream(client: Client, query: str, accept: str = STREAM) -> Iterator[tuple[httpx2.Response, Iterator[Any]]]:
    """An answer whose body is still to come, and the events in it: each its name and its data."""
    with client.stream("POST", "/graphql", json={"query": query}, headers={"Accept": accept}) as answer:
        yield answer, _events(answer)


def _events(answer: httpx2.Response) -> Iterator[Any]:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield name, orjson.loads(data) if data else None
        elif line:
            yield line, None


def version(event: tuple[str, Any]) -> int:
    name, data = event
    assert name == "next", event
    found: int = data["data"]["consumptionChanged"]["version"]
    return found


@pytest.mark.parametrize("accept", [STREAM, URQL])
def test_a_subscription_is_answered_at_once_and_again_with_every_change(
    live: Served, other: Served, accept: str
) -> None:
    with live.client(license="acme") as client, stream(client, FOLLOW, accept) as (answer, events):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-store"
        before = version(next(events))
        change(live)
        assert version(next(events)) == before + 1
        other.refresh()
        assert version(next(events)) == before + 2


@on_sqlite
def test_a_subscription_may_be_asked_by_its_address(live: Served) -> None:
    settings: dict[str, Any] = {"params": {"query": FOLLOW}, "headers": {"Accept": STREAM}}
    with live.client(license="acme") as client, client.stream("GET", "/graphql", **settings) as answer:
        events = _events(answer)
        before = version(next(events))
        change(live)
        assert version(next(events)) == before + 1


@on_sqlite
def test_who_accepts_json_gets_json_for_everything_but_a_subscription(live: Served) -> None:
    with live.client() as client:
        asked = {"query": "{ viewer { name } }"}
        for accept, kind in (
            (URQL, "application/graphql-response+json"),
            ("application/json, text/event-stream", "application/json"),
            ("text/event-stream, */*", "application/json"),
        ):
            answer = client.post("/graphql", json=asked, headers={"Accept": accept})
            assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
            assert answer.json()["data"] == {"viewer": {"name": "a test"}}


@on_sqlite
def test_who_accepts_nothing_else_gets_the_answer_to_a_query_or_mutation_as_one_event(live: Served) -> None:
    with live.client() as client:
        for query, data in (
            ("{ viewer { name } }", {"viewer": {"name": "a test"}}),
            (
                'mutation { refreshConsumption(license: "acme") { status } }',
                {"refreshConsumption": {"status": "QUEUED"}},
            ),
        ):
            with stream(client, query) as (answer, events):
                assert answer.status_code == 200
                (name, told), last = events
                assert (name, told["data"], last) == ("next", data, ("complete", None))


@on_sqlite
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { consumptionChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { consumptionChanged(license: "other") { version } }', "FORBIDDEN"),
    ],
)
def test_what_cannot_be_executed_is_told_as_an_event_and_is_over(live: Served, query: str, code: str) -> None:
    with live.client("consumption:read", license="acme") as client, stream(client, query) as (answer, events):
        assert answer.status_code == 200
        (name, data), last = events
        assert (name, [error["extensions"]["code"] for error in data["errors"]]) == ("next", [code])
        assert last == ("complete", None)


@on_sqlite
def test_who_accepts_no_events_is_told_that_a_subscription_needs_them(live: Served) -> None:
    with live.client() as client:
        answer = client.post("/graphql", json={"query": FOLLOW}, headers={"Accept": "application/json"})
        assert answer.status_code == 406
        assert answer.json()["errors"] == [
            {
                "message": "A subscription is answered as text/event-stream, or over WebSocket.",
                "extensions": {"code": "NOT_ACCEPTABLE", "trace": TRACE},
            }
        ]


@on_sqlite
def test_without_a_token_it_is_refused_with_a_status(live: Served) -> None:
    with live.anonymous() as client, stream(client, FOLLOW) as (answer, _):
        answer.read()
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED", "trace": TRACE}


@on_sqlite
def test_comments_keep_a_quiet_stream_alive(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "KEEP_ALIVE", 0.1)
    with live.client(license="acme") as client, stream(client, FOLLOW) as (_, events):
        version(next(events))
        assert [next(events), next(events)] == [(":", None), (":", None)]


def test_a_revoked_key_is_told_so_and_its_stream_is_over(live: Served, other: Served) -> None:
    token, key = live.key(license="acme")
    with Client(live.url, token) as client, stream(client, FOLLOW) as (_, events):
        version(next(events))
        other.revoke(key)
        error = {"message": "The key was revoked.", "extensions": {"code": "UNAUTHENTICATED", "trace": TRACE}}
        assert list(events) == [("next", {"errors": [error]}), ("complete", None)]


def test_a_session_that_ends_is_told_so_and_its_stream_is_over(live: Served) -> None:
    token, _ = live.session(seconds=2)
    with Client(live.url, token) as client, stream(client, FOLLOW) as (_, events):
        version(next(events))
        error = {"message": "The session has ended.", "extensions": {"code": "UNAUTHENTICATED", "trace": TRACE}}
        assert list(events) == [("next", {"errors": [error]}), ("complete", None)]


def test_the_stream_of_a_session_that_its_back_end_ends_is_over(live: Served, other: Served) -> None:
    with live.client("consumption:read") as back_end:
        created = session_of(back_end)
    with Client(live.url, created["token"]) as client, stream(client, FOLLOW) as (_, events):
        version(next(events))
        with other.client("operate") as operator:
            assert operator.data(END, session=created["session"])["endSession"]["errors"] == []
        error = {"message": "The session has ended.", "extensions": {"code": "UNAUTHENTICATED", "trace": TRACE}}
        assert list(events) == [("next", {"errors": [error]}), ("complete", None)]


@on_sqlite
def test_streams_are_limited_by_key_and_leave_nothing_behind(database_url: str) -> None:
    settings = Settings(database_url=database_url, connections_per_key=1)
    with serving(settings) as served, served.client() as client:
        client.data('mutation { putLicense(input: {key: "acme", name: "A"}) { errors { code } } }')
        with stream(client, FOLLOW) as (_, events):
            version(next(events))
            with stream(client, FOLLOW) as (refused, _):
                refused.read()
                assert refused.status_code == 429
                assert refused.headers["Retry-After"] == "5"
                assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_CONNECTIONS"
        eventually(lambda: served.tasks() <= 2)
        with stream(client, FOLLOW) as (_, events):
            version(next(events))


@on_sqlite
def test_a_server_that_stops_completes_the_stream(live: Served, database_url: str) -> None:
    with (
        serving(Settings(database_url=database_url)) as leaving,
        leaving.client(license="acme") as client,
        stream(client, FOLLOW) as (_, events),
    ):
        version(next(events))
        leaving.stop()
        assert list(events) == [("complete", None)]
