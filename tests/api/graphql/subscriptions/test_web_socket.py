"""The protocol graphql-transport-ws, by its specification."""

import json
from time import monotonic
from typing import NoReturn

import pytest
from sqlalchemy.exc import OperationalError
from websockets.exceptions import InvalidStatus

from api.graphql.subscriptions import connections, web_socket
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW, change, socket_to
from tests.api.server import Served, serving
from tests.api.test_sessions import END, session_of
from tests.e2e.processes import PATIENCE, eventually

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_subscription_answers_at_once_and_again_with_every_change(live: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        socket.ask("a", "subscription { consumptionChanged { version license { key } sections { key } } }")
        first = socket.hear()
        now = first["payload"]["data"]["consumptionChanged"]
        assert now["license"] == {"key": "acme"}
        assert [section["key"] for section in now["sections"]][:2] == ["channels", "sms"]
        for number in (1, 2, 3):
            change(live)
            assert socket.version("a") == now["version"] + number


def test_a_refresh_by_another_process_is_told(live: Served, other: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        before = socket.follow()
        other.refresh()
        assert socket.version() == before + 1


@on_sqlite
def test_a_check_in_is_told_without_a_refresh(live: Served, other: Served) -> None:
    quota = """mutation { putContract(input: {license: "acme", effectiveFrom: "2026-01-15", startsOn: "2026-01-15",
      terms: [{key: "active_installations", value: 10}]}) { errors { message } } }"""
    with live.client() as operator:
        operator.data(quota)
        with socket_to(live, live.token(license="acme")) as socket:
            before = socket.follow()
            with other.client() as installations:
                answer = installations.post("/check-in", json={"license": "acme", "installation": "i-1"})
            assert answer.json()["decision"] == "ADMITTED"
            assert socket.version() == before + 1


@on_sqlite
def test_changes_that_come_close_together_may_be_one_and_the_newest_is_told(live: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        before = socket.follow()
        for _ in range(20):
            change(live)
        told = [socket.version()]
        while told[-1] < before + 20:
            told.append(socket.version())
        assert told == sorted(set(told))
        assert told[-1] == before + 20
        assert len(told) < 20


@on_sqlite
def test_queries_and_mutations_are_answered_once(live: Served) -> None:
    with socket_to(live, live.token()) as socket:
        socket.ask("q", "query ($key: String!) { license(key: $key) { name } }", key="acme")
        cost = {"cost": {"requested": 21, "limit": 100_000}}
        payload = {"data": {"license": {"name": "Acme Retail"}}, "extensions": cost}
        answer = socket.hear()
        del answer["payload"]["extensions"]["cost"]["throttleStatus"]
        assert answer == {"id": "q", "type": "next", "payload": payload}
        assert socket.hear() == {"id": "q", "type": "complete"}
        socket.ask("q", 'mutation { refreshConsumption(license: "acme") { status } }')
        assert socket.hear()["payload"]["data"] == {"refreshConsumption": {"status": "QUEUED"}}
        assert socket.hear() == {"id": "q", "type": "complete"}


@on_sqlite
def test_operations_that_cannot_be_executed_are_errors_with_a_code_and_the_connection_stays(live: Served) -> None:
    with socket_to(live, live.token("consumption:read", license="acme")) as socket:
        for number, (query, code) in enumerate(
            {
                "{": "GRAPHQL_PARSE_FAILED",
                "": "BAD_REQUEST",
                "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
                "subscription { a: consumptionChanged { version } b: consumptionChanged { version } }": (
                    "GRAPHQL_VALIDATION_FAILED"
                ),
                "query A { viewer { name } } query B { viewer { name } }": "BAD_REQUEST",
                'subscription { consumptionChanged(license: "other") { version } }': "FORBIDDEN",
                "subscription { consumptionChanged { sections { readings { history(first: 1) { "
                + " ".join(f"a{n}: __typename" for n in range(51))
                + " } } } } }": "TOO_MANY_ALIASES",
                "subscription ($a: Int!) { consumptionChanged { section(key: $a) { key } } }": (
                    "GRAPHQL_VALIDATION_FAILED"
                ),
            }.items()
        ):
            socket.ask(str(number), query)
            told = socket.hear()
            assert (told["type"], told["id"]) == ("error", str(number))
            assert [error["extensions"]["code"] for error in told["payload"]] == [code]
        assert socket.follow("good") > 0


@on_sqlite
def test_variables_that_are_nested_too_deeply_are_refused_with_a_code(live: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        variables = f'{{"a": {"[" * 300}{"]" * 300}}}'
        for query in (FOLLOW, "{ viewer { name } }"):
            payload = f'{{"query": {json.dumps(query)}, "variables": {variables}}}'
            socket.connection.send(f'{{"type": "subscribe", "id": "1", "payload": {payload}}}')
            assert socket.hear()["payload"][0]["extensions"]["code"] == "BAD_REQUEST"


@on_sqlite
def test_operations_over_a_socket_are_rationed_and_cost_as_over_http(database_url: str) -> None:
    settings = Settings(database_url=database_url, graphql_operations_per_second=1, graphql_max_cost=1000)
    with serving(settings) as served, socket_to(served, served.token()) as socket:
        socket.ask("1", "{ licenses(first: 100) { edges { node { grants { edges { cursor } } } } } }")
        assert socket.hear()["payload"][0]["extensions"]["code"] == "TOO_COSTLY"
        socket.ask("2", "{ viewer { name } }")
        extensions = socket.hear()["payload"][0]["extensions"]
        assert (extensions["code"], extensions["retryAfter"]) == ("RATE_LIMITED", 1)


@on_sqlite
def test_what_was_completed_by_the_client_is_told_nothing_more_and_its_id_is_free(live: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        before = socket.follow("a")
        socket.say(id="a", type="complete")
        socket.say(id="never", type="complete")
        assert socket.follow("a") == before
        change(live)
        assert socket.version("a") == before + 1
        socket.say(type="ping")
        assert socket.hear() == {"type": "pong"}


@on_sqlite
def test_pings_are_answered_before_the_greeting_as_well(live: Served) -> None:
    with socket_to(live) as socket:
        socket.say(type="ping", payload={"a": 1})
        assert socket.hear() == {"type": "pong", "payload": {"a": 1}}
        socket.say(type="pong")
        socket.greet(live.token())


@on_sqlite
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no JSON", 4400),
        (b'{"type": "ping"}', 4400),
        ("[]", 4400),
        ("{}", 4400),
        ('{"type": 1}', 4400),
        ('{"type": "start", "id": "1", "payload": {}}', 4400),
        ('{"type": "' + "ü" * 200 + '"}', 4400),
        ('{"type": "subscribe", "payload": {"query": "{ viewer { name } }"}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { name } }"}}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{ viewer { name } }"}}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "ping", "payload": ' + "[" * 300 + "]" * 300 + "}", 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
        ('{"type": "complete"}', 4400),
        ('{"type": "connection_init"}', 4429),
        (json.dumps({"type": "subscribe", "id": "1", "payload": {"query": " " * 2**16}}), 1009),
    ],
)
def test_whoever_breaks_the_protocol_is_closed_with_its_code(live: Served, message: str | bytes, code: int) -> None:
    with socket_to(live, live.token()) as socket:
        socket.connection.send(message)
        assert socket.closed()[0] == code


@on_sqlite
def test_an_id_that_is_under_way_is_not_taken_again(live: Served) -> None:
    with socket_to(live, live.token(license="acme")) as socket:
        socket.follow("a")
        socket.ask("a", FOLLOW)
        assert socket.closed() == (4409, "Subscriber for a already exists")


@on_sqlite
def test_who_does_not_say_who_it_is_is_closed(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket_to(live) as socket:
        socket.ask("a", FOLLOW)
        assert socket.closed() == (4401, "Unauthorized")
    monkeypatch.setattr(web_socket, "INIT", 0.2)
    with socket_to(live) as socket:
        assert socket.closed() == (4408, "Connection initialisation timeout")


@on_sqlite
def test_a_token_is_taken_from_the_payload_or_from_the_handshake(live: Served) -> None:
    good, revoked = f"Bearer {live.token()}", f"Bearer {live.token(revoked=True)}"
    for header, payload, code in (
        (None, {"authorization": good}, None),
        (good, None, None),
        (revoked, {"Authorization": good}, None),
        (None, None, 4403),
        (None, {"token": good}, 4403),
        (good, {"Authorization": revoked}, 4403),
        (good, {"Authorization": 1}, 4400),
        (good, [], 4400),
    ):
        headers = {"Authorization": header} if header else {}
        with socket_to(live, additional_headers=headers) as socket:
            socket.say(type="connection_init", **({} if payload is None else {"payload": payload}))
            if code:
                assert socket.closed()[0] == code
            else:
                assert socket.hear() == {"type": "connection_ack"}


@on_sqlite
@pytest.mark.parametrize("offered", [["graphql-ws"], ["graphql-ws", "other"], None])
def test_no_other_protocol_is_spoken(live: Served, offered: list[str] | None) -> None:
    with pytest.raises(InvalidStatus) as refused, socket_to(live, subprotocols=offered):
        pass
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body) == {
        "error": {
            "code": "BAD_SUBPROTOCOL",
            "message": "Offer the subprotocol graphql-transport-ws; no other is spoken here.",
        }
    }


@on_sqlite
def test_of_several_protocols_the_one_that_is_spoken_is_chosen(live: Served) -> None:
    with socket_to(live, live.token(), subprotocols=["graphql-ws", "graphql-transport-ws"]) as socket:
        assert socket.connection.subprotocol == "graphql-transport-ws"


def test_a_revoked_key_is_closed_and_others_stay(live: Served, other: Served) -> None:
    kept = live.token(license="acme")
    token, key = live.key(license="acme")
    with socket_to(live, kept) as stays, socket_to(live, token) as socket:
        before = stays.follow()
        socket.follow()
        other.revoke(key)
        assert socket.closed() == (4403, "The key was revoked.")
        change(live)
        assert stays.version() == before + 1


def test_a_session_is_closed_at_its_end_or_with_its_key_and_others_stay(live: Served, other: Served) -> None:
    short, _ = live.session(seconds=2)
    with_key, key = live.session()
    kept, _ = live.session()
    with socket_to(live, kept) as stays, socket_to(live, short) as ends, socket_to(live, with_key) as revoked:
        before, _, _ = (socket.follow() for socket in (stays, ends, revoked))
        began = monotonic()
        assert ends.closed() == (4403, "The session has ended.")
        assert monotonic() - began < PATIENCE
        other.revoke(key)
        assert revoked.closed() == (4403, "The key was revoked.")
        change(live)
        assert stays.version() == before + 1
    with socket_to(live) as again:
        again.say(type="connection_init", payload={"Authorization": f"Bearer {short}"})
        assert again.closed() == (4403, "Forbidden")


def test_a_session_that_its_back_end_ends_is_closed_by_every_server(live: Served, other: Served) -> None:
    with live.client("consumption:read") as back_end:
        leaving, staying = session_of(back_end), session_of(back_end)
    with socket_to(live, staying["token"]) as stays, socket_to(live, leaving["token"]) as ends:
        before, _ = (socket.follow() for socket in (stays, ends))
        with other.client("operate") as operator:
            assert operator.data(END, session=leaving["session"])["endSession"]["errors"] == []
        assert ends.closed() == (4403, "The session has ended.")
        change(live)
        assert stays.version() == before + 1


@on_sqlite
def test_a_session_that_ends_while_the_database_is_away_is_closed_by_the_servers_clock(
    live: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = live.session(seconds=3)
    with socket_to(live, token) as ends, socket_to(live, live.token()) as stays:
        ends.follow()
        before = stays.follow()

        def away(*_: object) -> NoReturn:
            raise OperationalError("SELECT", {}, Exception("away"))

        with monkeypatch.context() as broken:
            broken.setattr(connections, "find_revoked", away)
            assert ends.closed() == (4403, "The session has ended.")
        change(live)
        assert stays.version() == before + 1


@on_sqlite
def test_a_session_holds_few_of_the_connections_of_its_key(database_url: str) -> None:
    settings = Settings(database_url=database_url, connections_per_key=2, connections_per_session=1)
    with serving(settings) as served:
        with served.client() as operator:
            operator.data('mutation { putLicense(input: {key: "acme", name: "A"}) { errors { code } } }')
        token, _ = served.session()
        with socket_to(served, token), socket_to(served) as second:
            second.say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert second.closed() == (
                1013, "This session holds as many connections as it may. Close one, or come back later."
            )  # fmt: skip
        eventually(lambda: served.tasks() <= 2)
        with socket_to(served, token):
            pass


@on_sqlite
def test_connections_and_subscriptions_are_limited(database_url: str) -> None:
    settings = Settings(
        database_url=database_url,
        connections_per_key=1, connections_per_address=2, subscriptions_per_connection=2,
    )  # fmt: skip
    with serving(settings) as served:
        token = served.token()
        with socket_to(served, token) as first:
            with socket_to(served) as second:
                with pytest.raises(InvalidStatus) as refused, socket_to(served):
                    pass
                assert refused.value.response.status_code == 429
                assert refused.value.response.headers["Retry-After"] == "5"
                assert json.loads(refused.value.response.body)["error"]["code"] == "TOO_MANY_CONNECTIONS"
                second.say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
                assert second.closed()[0] == 1013
            with served.client() as operator:
                operator.data('mutation { putLicense(input: {key: "acme", name: "A"}) { errors { code } } }')
            first.follow("a")
            first.follow("b")
            first.ask("c", FOLLOW)
            told = first.hear()
            assert (told["type"], told["id"]) == ("error", "c")
            assert told["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
            first.say(id="a", type="complete")
            first.follow("c")
        # Their places are free again.
        eventually(lambda: served.tasks() <= 2)
        with socket_to(served, token):
            pass


@on_sqlite
def test_a_server_that_stops_completes_subscriptions_and_tells_clients_to_come_back(
    live: Served, database_url: str
) -> None:
    settings = Settings(database_url=database_url)
    with serving(settings) as leaving, socket_to(leaving, leaving.token(license="acme")) as socket:
        socket.follow()
        socket.follow("2")
        leaving.stop()
        assert [socket.hear() for _ in range(2)] == [{"id": id, "type": "complete"} for id in ("1", "2")]
        assert socket.closed()[0] == 1012
