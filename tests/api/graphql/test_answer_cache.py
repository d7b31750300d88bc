"""AnswerCache given again: never older than a second, and never to somebody else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic

import httpx2
import pytest
import time_machine
from prometheus_client import Counter
from sqlalchemy import Engine, event, text

from api.graphql import answer_cache as answers
from api.graphql.answer_cache import AnswerCache, CachedAnswer, CacheKey
from api.metrics import OperationLabels
from core.languages.negotiation import ENGLISH_ALONE
from tests.api.server import Client, Served
from tests.e2e.processes import PATIENCE, eventually
from tests.fixtures.engine import OPERATOR

OVERVIEW = '{ consumption(license: "acme") { version status sections { key readings { used freshness } } } }'
NAME = '{ license(key: "acme") { name } }'
HISTORY = '{ consumption(license: "acme") { section(key: "sms") { readings { history { edges { cursor } } } } } }'


NOTHING_KNOWN = [("If-None-Match", '"other"')]


@contextmanager
def executed() -> Iterator[list[str]]:
    """The statements that databases are sent meanwhile, but for those that look at versions."""
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if not statement.startswith(("BEGIN", "\nSELECT license_id, version")):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def post(client: Client, query: str) -> dict[str, object]:
    data: dict[str, object] = client.data(query)
    return data


def get(client: Client, query: str, **headers: str) -> httpx2.Response:
    return client.get("/graphql", params={"query": query}, headers=headers)


@pytest.mark.usefixtures("acme")
def test_the_same_question_is_executed_once(operator: Client) -> None:
    first = post(operator, OVERVIEW)
    with executed() as statements:
        assert [post(operator, OVERVIEW) for _ in range(5)] == [first] * 5
    assert statements == []


@pytest.mark.usefixtures("acme")
def test_an_answer_that_is_no_longer_trusted_costs_a_look_at_its_versions(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = post(operator, OVERVIEW)
    monkeypatch.setattr(answers, "FRESH", -1.0)
    with executed() as statements:
        assert post(operator, OVERVIEW) == first
    assert statements == []


@pytest.mark.usefixtures("acme")
def test_what_this_process_committed_is_seen_at_once(served: Served, operator: Client) -> None:
    before = operator.data(OVERVIEW)["consumption"]["version"]
    operator.data('mutation { refreshConsumption(license: "acme") { id } }')
    served.refresh()
    assert operator.data(OVERVIEW)["consumption"]["version"] == before + 1
    assert operator.data(NAME) == {"license": {"name": "Acme Retail"}}
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    assert operator.data(NAME) == {"license": {"name": "Acme"}}


@pytest.mark.usefixtures("acme")
def test_what_another_process_committed_is_seen_by_the_next_look(
    served: Served, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = operator.data(OVERVIEW)["consumption"]["version"]
    with served.runtime.database.engine.begin() as elsewhere:
        elsewhere.execute(text("UPDATE snapshot SET version = version + 1"))
    assert operator.data(OVERVIEW)["consumption"]["version"] == before
    monkeypatch.setattr(answers, "FRESH", -1.0)
    assert operator.data(OVERVIEW)["consumption"]["version"] == before + 1


@pytest.mark.usefixtures("acme")
def test_who_asks_after_a_commit_is_not_given_what_a_look_found_before_it(
    served: Served, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, go_on = Event(), Event()
    renew = AnswerCache.revalidate

    def slow(kept: AnswerCache, answer: CachedAnswer) -> bool:
        found = renew(kept, answer)
        looked.set()
        assert go_on.wait(PATIENCE)
        return found

    token = served.token()
    with Client(served.url, token) as first, Client(served.url, token) as second, ThreadPoolExecutor() as threads:
        assert first.data(NAME) == second.data(NAME) == {"license": {"name": "Acme Retail"}}
        monkeypatch.setattr(AnswerCache, "revalidate", slow)
        monkeypatch.setattr(answers, "FRESH", -1.0)
        before = threads.submit(first.data, NAME)
        assert looked.wait(PATIENCE)
        monkeypatch.setattr(answers, "FRESH", PATIENCE)
        operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        tasks = served.tasks()
        after = threads.submit(second.data, NAME)
        eventually(lambda: served.tasks() > tasks)
        go_on.set()
        assert before.result(PATIENCE) == {"license": {"name": "Acme Retail"}}
        assert after.result(PATIENCE) == {"license": {"name": "Acme"}}


@pytest.mark.usefixtures("acme")
def test_a_check_in_is_seen_at_once_though_no_refresh_ran(operator: Client) -> None:
    terms = """mutation { putContract(input: {license: "acme", effectiveFrom: "2026-01-15", startsOn: "2026-01-15",
      terms: [{key: "active_installations", value: 10}]}) { errors { code } } }"""
    operator.data(terms)
    installations = '{ consumption(license: "acme") { section(key: "installations") { readings { used } } } }'
    assert operator.data(installations)["consumption"]["section"]["readings"] == [{"used": 0}]
    operator.post("/check-in", json={"license": "acme", "installation": "one"}).raise_for_status()
    assert operator.data(installations)["consumption"]["section"]["readings"] == [{"used": 1}]


@pytest.mark.usefixtures("acme")
def test_a_reading_turns_stale_by_the_clock_alone(operator: Client, clock: time_machine.Traveller) -> None:
    assert {one["freshness"] for section in overview(operator) for one in section["readings"]} == {"FRESH"}
    clock.shift(2 * 86_400 + 60)
    assert {one["freshness"] for section in overview(operator) for one in section["readings"]} == {"STALE"}


def overview(client: Client) -> list[dict[str, list[dict[str, str]]]]:
    sections: list[dict[str, list[dict[str, str]]]] = client.data(OVERVIEW)["consumption"]["sections"]
    return sections


@pytest.mark.usefixtures("acme")
def test_an_answer_is_nobody_else_s(served: Served, operator: Client) -> None:
    post(operator, OVERVIEW)
    with served.client("usage:write") as other:
        assert other.error(OVERVIEW)[0] == "FORBIDDEN"


@pytest.mark.usefixtures("acme")
def test_what_shows_more_than_versions_tell_is_executed_each_time(operator: Client) -> None:
    post(operator, HISTORY)
    with executed() as statements:
        post(operator, HISTORY)
    assert len(statements) == 2


@pytest.mark.usefixtures("acme")
def test_a_get_is_answered_with_a_tag_and_304_while_nothing_changes(served: Served, operator: Client) -> None:
    first = get(operator, OVERVIEW)
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    tag = first.headers["etag"]
    lines = operator.get("/graphql", params={"query": OVERVIEW}, headers=[*NOTHING_KNOWN, ("If-None-Match", tag)])
    assert lines.status_code == 304
    assert tag.startswith('W/"')  # as the state of the budget beside the same data may be another
    for tags in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = get(operator, OVERVIEW, **{"If-None-Match": tags})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers or again.headers["content-length"] == "0"
    assert get(operator, OVERVIEW, **{"If-None-Match": '"other"'}).content == first.content
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    changed = get(operator, OVERVIEW, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.usefixtures("acme")
def test_neither_errors_nor_what_is_not_lasting_has_a_tag(operator: Client) -> None:
    for query in ('{ consumption(license: "nobody") { status } }', HISTORY, "{ nonsense }"):
        answer = get(operator, query)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.usefixtures("acme")
def test_a_revoked_key_gets_no_answer_from_memory(served: Served) -> None:
    with served.client() as client:
        post(client, OVERVIEW)
        client.headers["Authorization"] = "Bearer alw_nobody"
        assert client.post("/graphql", json={"query": OVERVIEW}).status_code == 401


def question(number: int) -> CacheKey:
    return CacheKey(OPERATOR, "application/json", False, ENGLISH_ALONE, "POST", b"%d" % number)


def answer(size: int, expires_at: float = 1e12) -> CachedAnswer:
    return kept_answer(bytes(size), {}, expires_at)


def kept_answer(body: bytes, versions: dict[int, int], expires_at: float = 1e12) -> CachedAnswer:
    counter = Counter("given", "of no interest", registry=None)
    return CachedAnswer(
        body, 2, 200, [], None, versions, expires_at, monotonic(), OperationLabels("anonymous", "query"), counter
    )


def test_what_is_kept_is_bounded_in_bytes_and_the_least_recently_given_is_forgotten(served: Served) -> None:
    kept = AnswerCache(served.runtime.database)
    size = answers.MOST_BYTES // 20 - 2_000
    for number in range(20):
        kept.put(question(number), answer(size))
        assert kept.get_fresh(question(0))
    kept.put(question(20), answer(size))
    kept.put(question(21), answer(size))
    assert [number for number in range(22) if not kept.get(question(number))] == [1, 2]


def test_what_would_push_many_others_out_and_what_does_not_last_is_not_kept(served: Served) -> None:
    kept = AnswerCache(served.runtime.database)
    kept.put(question(1), answer(answers.MOST_BYTES // 16))
    kept.put(question(2), answer(10, expires_at=0))
    assert (kept.get(question(1)), kept.get(question(2))) == (None, None)


def test_the_changes_of_many_licenses_are_remembered_for_as_long_as_answers_are_trusted(served: Served) -> None:
    kept = AnswerCache(served.runtime.database)
    older = kept_answer(b"", {7: 1})
    kept.put(question(1), older)
    assert kept.get_fresh(question(1)) is older
    kept.invalidate(frozenset({7}))
    for part in range(30):
        kept.invalidate(frozenset(range(1_000 * part + 10, 1_000 * part + 1_010)))
    assert kept.get_fresh(question(1)) is None


def test_a_question_counts_as_what_it_takes_and_a_long_one_is_not_kept(served: Served) -> None:
    kept = AnswerCache(served.runtime.database)
    long = CacheKey(OPERATOR, "application/json", False, ENGLISH_ALONE, "POST", bytes(answers.LARGEST_KEY + 1))
    kept.put(long, answer(10))
    assert kept.get(long) is None
    assert kept_answer(b"12345", {}).size == 5 + 2 + 1_000


def test_an_older_answer_does_not_replace_a_newer_one(served: Served) -> None:
    kept = AnswerCache(served.runtime.database)
    older, newer = answer(10), answer(20)
    kept.put(question(1), newer)
    kept.put(question(1), older)
    assert kept.get(question(1)) is newer


CHECK_IN = 'mutation { checkIn(input: {license: "acme", installation: "one"}) { decision } }'
RECORD = """mutation { recordUsage(events: [{id: "e", source: "/t", type: "users.level", license: "late", value: 3}]) {
  accepted duplicates rejected { code } } }"""


@pytest.mark.usefixtures("acme")
def test_a_mutation_is_executed_each_time_it_is_sent(operator: Client) -> None:
    operator.data(
        """mutation { putContract(input: {license: "acme", effectiveFrom: "2026-01-15", startsOn: "2026-01-15",
          terms: [{key: "active_installations", value: 10}]}) { errors { code } } }"""
    )
    decisions = [operator.data(CHECK_IN)["checkIn"]["decision"] for _ in range(3)]
    assert decisions == ["ADMITTED", "KNOWN", "KNOWN"]
    assert operator.data(RECORD)["recordUsage"]["rejected"] == [{"code": "UNKNOWN_LICENSE"}]
    operator.data('mutation { putLicense(input: {key: "late", name: "Late"}) { errors { code } } }')
    assert [operator.data(RECORD)["recordUsage"]["accepted"] for _ in range(2)] == [1, 0]
    assert operator.data(RECORD)["recordUsage"]["duplicates"] == 1


@pytest.mark.usefixtures("acme")
def test_a_license_that_is_asked_for_twice_is_read_once_and_shown_alike(operator: Client) -> None:
    operator.data("{ viewer { name } }")
    with executed() as statements:
        operator.data('{ a: license(key: "acme") { name } b: license(key: "acme") { consumption { version } } }')
    assert len(statements) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_any_other_method_is_refused_with_a_code(operator: Client, method: str) -> None:
    refused = operator.request(method, "/graphql", json={"query": NAME})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert refused.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
