"""Relay connections: pages without gaps and repeats, checked cursors, sizes, and what a page costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, Engine, event

from core.administration.grant_credits import grant_credits
from core.administration.inputs import ContractInput, CreditRequestInput, GrantInput, LicenseInput
from core.administration.put_contract import put_contract
from core.administration.put_license import put_license
from core.administration.request_credits import request_credits
from core.runtime import Runtime
from core.settings import Settings
from tests.api.conftest import NOW
from tests.api.server import NESTED, Client, Served, cloudevent, nodes, opaque, serving

LICENSES = """query ($first: Int, $after: String, $status: [UsageStatus!], $search: String, $orderBy: LicenseOrder) {
  licenses(first: $first, after: $after, status: $status, search: $search, orderBy: $orderBy) {
    edges { cursor node { key } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
GRANTS = """query ($first: Int, $after: String) { license(key: "acme") {
  grants(first: $first, after: $after) { edges { cursor node { key } } pageInfo { hasNextPage endCursor } }
} }"""
HISTORY = """query (
  $first: Int, $after: String, $interval: Interval, $from: DateTime, $to: DateTime, $last: Int, $before: String
) {
  consumption(license: "acme") { section(key: "channels") { readings {
    history(first: $first, after: $after, interval: $interval, from: $from, to: $to, last: $last, before: $before) {
      edges { cursor node { at used limit status } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  } } }
}"""
NOT_OURS = ("BAD_CURSOR", "`after` is not a cursor of this connection. Use an endCursor that it gave.")


def put_licenses(client: Client, *keys: str) -> None:
    puts = " ".join(
        f'l{number}: putLicense(input: {{key: "{key}", name: "License {key.upper()}"}}) {{ errors {{ message }} }}'
        for number, key in enumerate(keys)
    )
    client.data(f"mutation {{ {puts} }}")


def grant(client: Client, id: str) -> None:
    query = """mutation ($id: String!) {
      grantCredits(input: {id: $id, license: "acme", amount: 1}) { errors { message } }
    }"""
    assert client.data(query, id=id) == {"grantCredits": {"errors": []}}


def keys(connection: dict[str, Any]) -> list[str]:
    return [node["key"] for node in nodes(connection)]


def history(client: Client, **variables: object) -> dict[str, Any]:
    reading = client.data(HISTORY, **variables)["consumption"]["section"]["readings"][0]
    connection: dict[str, Any] = reading["history"]
    return connection


@contextmanager
def counted_statements(runtime: Runtime) -> Iterator[list[str]]:
    """The statements that the runtime's database is sent meanwhile."""
    statements: list[str] = []

    def note(connection: Connection, _: object, statement: str, *__: object) -> None:
        if connection.engine.url == runtime.database.engine.url and not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def remember_key(client: Client) -> None:
    """Let the server look up the client's key, which it remembers for a while: the look-up is not to be counted."""
    client.data("{ viewer { name } }")


def test_page_info_states_the_position_of_the_page(operator: Client) -> None:
    put_licenses(operator, "a", "b", "c")
    first = operator.data(LICENSES, first=2, orderBy="KEY")["licenses"]
    assert keys(first) == ["a", "b"]
    cursors = [edge["cursor"] for edge in first["edges"]]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[1],
    }
    last = operator.data(LICENSES, first=2, orderBy="KEY", after=cursors[1])["licenses"]
    assert keys(last) == ["c"]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    beyond = operator.data(LICENSES, orderBy="KEY", after=last["pageInfo"]["endCursor"])["licenses"]
    assert beyond == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None},
    }


@pytest.mark.parametrize("order", ["KEY", "WORST_FIRST"])
def test_paging_while_licenses_are_added_neither_repeats_nor_skips_a_license(operator: Client, order: str) -> None:
    there = [f"k{number:02}" for number in range(0, 40, 2)]
    put_licenses(operator, *there)
    seen: list[str] = []
    after = None
    for number in range(1, 100, 2):
        page = operator.data(LICENSES, first=3, after=after, orderBy=order)["licenses"]
        seen += keys(page)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        # Before the place reached, after it, and in the middle.
        put_licenses(operator, f"a{number:02}", f"k{number:02}", f"k{40 - number:02}x")
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert set(there) <= set(seen)


def test_licenses_are_sorted_worst_first_and_filtered_by_status_and_part_of_key_or_name(
    served: Served, operator: Client, acme: None
) -> None:
    put_licenses(operator, "zeta", "beta_1", "beta21")

    def found(**variables: object) -> list[str]:
        return keys(operator.data(LICENSES, **variables)["licenses"])

    assert found() == ["acme", "beta21", "beta_1", "zeta"]
    assert found(orderBy="KEY") == ["acme", "beta21", "beta_1", "zeta"]
    assert found(status=["EXCEEDED", "OK"]) == ["acme"]
    assert found(status=["UNKNOWN"]) == ["beta21", "beta_1", "zeta"]
    assert found(status=[]) == []
    assert found(search="RETAIL") == ["acme"]
    assert found(search="License z") == ["zeta"]
    assert found(search="a_1") == ["beta_1"]
    assert found(search="%") == []
    assert found(search="a\0") == []
    assert found(search="", first=1) == ["acme"]


def test_the_order_of_keys_is_by_code_points_on_every_database(operator: Client) -> None:
    put_licenses(operator, "b", "B", "a-b", "a_b", "ab", "A", "1")
    assert keys(operator.data(LICENSES, orderBy="KEY")["licenses"]) == ["1", "A", "B", "a-b", "a_b", "ab", "b"]


def test_grants_are_paged_newest_first_also_if_they_have_the_same_time(
    operator: Client, acme: None, clock: time_machine.Traveller
) -> None:
    for number in range(7):
        grant(operator, f"n-{number}")
    seen: list[str] = []
    after = None
    while True:
        page = operator.data(GRANTS, first=2, after=after)["license"]["grants"]
        seen += keys(page)
        after = page["pageInfo"]["endCursor"]
        clock.shift(timedelta(seconds=1))
        grant(operator, f"later-{len(seen)}")
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [*(f"n-{number}" for number in range(7)), "g-2", "g-1"]


def test_history_is_paged_oldest_first_from_its_start_and_continues_where_it_stopped(reader: Client) -> None:
    start = {"from": "2026-01-01T00:00:00Z"}
    everything = history(reader, **start)
    at = [node["at"] for node in nodes(everything)]
    assert len(at) == 55
    assert (at[0], at[-1]) == ("2026-01-15T22:59:59.999999Z", "2026-03-10T09:30:00Z")
    assert everything["pageInfo"]["hasNextPage"] is False
    paged: list[str] = []
    after = None
    while True:
        page = history(reader, first=13, after=after, **start)
        paged += [node["at"] for node in nodes(page)]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert paged == at


@pytest.mark.parametrize("size", [1, 13, 54, 55])
def test_history_is_paged_back_from_its_newest_point(reader: Client, size: int) -> None:
    everything = [node["at"] for node in nodes(history(reader, **{"from": "2026-01-01T00:00:00Z"}))]
    paged: list[str] = []
    before = None
    while True:
        page = history(reader, last=size, before=before)
        paged = [node["at"] for node in nodes(page)] + paged
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert paged == everything


def test_an_interval_is_on_a_single_page_of_those_before_it(reader: Client) -> None:
    months = nodes(history(reader, interval="MONTH", last=3))
    newest = history(reader, interval="MONTH", last=1)
    earlier = history(reader, interval="MONTH", last=2, before=newest["pageInfo"]["startCursor"])
    assert [*nodes(earlier), *nodes(newest)] == months


@pytest.mark.parametrize("before", ["", "é", opaque("grants", "2026-03-09T00:00:00+00:00", "g-1")])
def test_a_text_that_is_not_a_cursor_is_refused_before_a_page(reader: Client, before: str) -> None:
    message = "`before` is not a cursor of this connection. Use a startCursor that it gave."
    assert reader.error(HISTORY, before=before) == ("BAD_CURSOR", message)


def test_history_returns_the_last_point_of_each_interval(reader: Client) -> None:
    def ends(**variables: object) -> list[tuple[str, float]]:
        return [(node["at"], node["used"]) for node in nodes(history(reader, **variables))]

    assert ends(interval="MONTH") == [
        ("2026-01-31T22:59:59.999999Z", 0),
        ("2026-02-28T22:59:59.999999Z", 10_000_000),
        ("2026-03-10T09:30:00Z", 11_000_000),
    ]
    assert ends(interval="WEEK", **{"from": "2026-03-01T00:00:00Z"}) == [
        ("2026-03-01T22:59:59.999999Z", 10_000_000),
        ("2026-03-08T22:59:59.999999Z", 10_000_000),
        ("2026-03-10T09:30:00Z", 11_000_000),
    ]
    assert ends(**{"from": "2026-03-08T22:59:59.999999Z", "to": "2026-03-09T22:59:59.999999Z"}) == [
        ("2026-03-08T22:59:59.999999Z", 10_000_000),
        ("2026-03-09T22:59:59.999999Z", 11_000_000),
    ]
    assert ends(interval="HOUR", **{"from": "2026-03-10T00:00:00Z"}) == [("2026-03-10T09:30:00Z", 11_000_000)]
    assert ends(to="2020-01-01T00:00:00Z") == []
    assert ends(interval=None, first=None, to="2026-01-16T00:00:00Z") == [("2026-01-15T22:59:59.999999Z", 0)]


def test_history_keeps_the_limit_and_the_status_of_its_time(
    served: Served, operator: Client, acme: None, clock: time_machine.Traveller
) -> None:
    operator.data("""mutation { putContract(input: {
      license: "acme", effectiveFrom: "2026-03-11", startsOn: "2026-01-15",
      terms: [{key: "profiles", value: 1000000} {key: "interactions_per_profile", value: 10}]
    }) { errors { message } } }""")
    clock.move_to(NOW + timedelta(days=2))
    served.refresh()
    points = nodes(history(operator, **{"from": "2026-03-10T12:00:00Z"}))
    assert points == [
        {"at": "2026-03-10T22:59:59.999999Z", "used": 11_000_000, "limit": 12_000_000, "status": "AT_RISK"},
        {"at": "2026-03-11T22:59:59.999999Z", "used": 11_000_000, "limit": 10_000_000, "status": "EXCEEDED"},
        {"at": "2026-03-12T09:30:00Z", "used": 11_000_000, "limit": 10_000_000, "status": "EXCEEDED"},
    ]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "`from` must not be after `to`."),
        ({"to": "0001-01-01T00:00:00Z"}, "`to` is too early."),
        ({"first": 1001}, "first must be from 1 to 1000, not 1001."),
        ({"first": 0}, "first must be from 1 to 1000, not 0."),
        ({"last": 0}, "last must be from 1 to 1000, not 0."),
        ({"after": "x", "before": "y"}, "Give `after` or `before`, not both."),
    ],
)
def test_an_impossible_time_range_of_a_history_is_refused(
    reader: Client, variables: dict[str, object], message: str
) -> None:
    assert reader.error(HISTORY, **variables) == ("BAD_INPUT", message)


@pytest.mark.parametrize("query", [LICENSES, GRANTS])
@pytest.mark.parametrize("first", [0, -1, 101, 2_147_483_647])
def test_a_page_is_from_one_to_a_hundred(reader: Client, query: str, first: int) -> None:
    assert reader.error(query, first=first) == ("BAD_INPUT", f"first must be from 1 to 100, not {first}.")


INSTANT = "2026-03-09T00:00:00+00:00"


@pytest.mark.parametrize(
    ("query", "after"),
    [
        *((query, after) for query in (LICENSES, GRANTS, HISTORY) for after in ("", "é", "W10", "!", "A" * 9999)),
        *((query, NESTED) for query in (LICENSES, GRANTS, HISTORY)),
        (LICENSES, opaque("licenses:KEY", 3, "a")),
        (LICENSES, opaque("licenses:WORST_FIRST", "3", "a")),
        (LICENSES, opaque("licenses:WORST_FIRST", True, "a")),
        (LICENSES, opaque("licenses:WORST_FIRST", 3)),
        (LICENSES, opaque("licenses:WORST_FIRST", 3, "a", "b")),
        (LICENSES, opaque("licenses:WORST_FIRST", 5, "a")),
        (LICENSES, opaque("licenses:WORST_FIRST", 2**63, "a")),
        (LICENSES, opaque("licenses:WORST_FIRST", 3, "a\0")),
        (LICENSES, opaque("grants", INSTANT, "g-1")),
        (GRANTS, opaque("grants", "yesterday", "g-1")),
        (GRANTS, opaque("grants", 5, "g-1")),
        (GRANTS, opaque("history", INSTANT)),
        (HISTORY, opaque("history", "yesterday")),
        (HISTORY, opaque("history", "2026-03-09T00:00:00")),
        (HISTORY, opaque("history", "9999-12-31T23:59:59-14:00")),
        (HISTORY, opaque("grants", INSTANT, "g-1")),
    ],
)
def test_a_text_that_is_not_a_cursor_of_the_connection_is_refused(reader: Client, query: str, after: str) -> None:
    assert reader.error(query, after=after) == NOT_OURS


@pytest.fixture
def generous(database_url: str, clock: time_machine.Traveller) -> Iterator[Served]:
    """A server that lets anything be asked for at once."""
    with serving(Settings(database_url=database_url, graphql_max_cost=10**9)) as served:
        yield served


def test_a_page_of_a_hundred_licenses_costs_as_many_statements_as_a_page_of_one_license(generous: Served) -> None:
    everything = """query ($first: Int) { licenses(first: $first, orderBy: KEY) { edges { cursor node {
      id key name timeZone
      contract { version startsOn terms { key value } }
      grants { edges { cursor node { id amount remaining } } pageInfo { hasNextPage } }
      alerts(kinds: [THRESHOLD, FORECAST]) {
        edges { cursor node { id ratio meter { key } forecast { expected } } } pageInfo { hasNextPage }
      }
      contractReport { from meters { committed overage forecast { high } suggestedLimit } }
      more: contractReport(terms: [{key: "users", value: 9}]) { meters { committed } }
      creditRequests { edges { cursor node { id amount closedBy { id } } } pageInfo { hasNextPage } }
      consumption {
        status updatedAt version
        license { key contract { version } grants { edges { node { remaining } } } consumption { version } }
        sections { status updatedAt readings { used limit status thresholds { value } breakdown { used }
          forecast { expected points { at } reason }
          history(first: 3) { edges { cursor node { at used status } } pageInfo { hasNextPage } }
        } }
        installations { active new }
        warnings { halo notices { message } }
      }
    } } pageInfo { endCursor } } }"""
    names = [f"l{number:03}" for number in range(100)]
    terms = (("users", Decimal(5)),)
    registry = generous.runtime.registry
    with generous.runtime.database.write() as session:
        for key in names:
            put_license(session, LicenseInput(key, key), NOW)
            put_contract(session, ContractInput(key, NOW.date(), NOW.date(), terms), registry, NOW)
            grant_credits(session, GrantInput(key, key, Decimal(10)), registry, NOW)
            request_credits(session, CreditRequestInput(key, Decimal(20)), registry, (), "a test", NOW)
    with generous.client() as operator:
        operator.post_events(*(cloudevent("users.level", key, f"u-{key}", value=6) for key in names))
        generous.refresh()
        counts = {first: _statements(generous, operator, everything, first) for first in (1, 100)}
    assert counts[1] == counts[100]
    assert counts[1] <= 23


def _statements(served: Served, operator: Client, query: str, first: int) -> int:
    remember_key(operator)
    with counted_statements(served.runtime) as statements:
        page = operator.data(query, first=first)["licenses"]
    assert len(page["edges"]) == first
    last = page["edges"][-1]["node"]
    assert last["grants"]["edges"][0]["node"]["remaining"] == 10
    assert last["creditRequests"]["edges"][0]["node"]["amount"] == 20
    assert last["alerts"]["edges"][0]["node"]["meter"]["key"] == "users"
    readings = [one for section in last["consumption"]["sections"] for one in section["readings"]]
    assert {len(one["history"]["edges"]) for one in readings} == {1}
    return len(statements)


def test_the_histories_of_all_readings_cost_one_statement(served: Served, operator: Client) -> None:
    put_licenses(operator, "many")
    served.refresh()
    query = """{ consumption(license: "many") { sections { readings { used %s } } } }"""
    counts = []
    for more in ("", "history(first: 5) { edges { node { at used status } } }"):
        remember_key(operator)
        with counted_statements(served.runtime) as statements:
            sections = operator.data(query % more)["consumption"]["sections"]
        counts.append(len(statements))
    assert all(len(one["history"]["edges"]) == 1 for section in sections for one in section["readings"])
    assert counts[1] == counts[0] + 1


COUNTED = """query (
    $status: [UsageStatus!], $search: String, $freshness: [Freshness!], $meter: String, $orderBy: LicenseOrder
  ) {
  licenses(first: 2, status: $status, search: $search, freshness: $freshness, meter: $meter, orderBy: $orderBy) {
    totalCount byStatus { status count } edges { node { key consumption { freshness utilization } } } } }"""


def test_licenses_are_counted_over_all_pages(operator: Client) -> None:
    put_licenses(operator, "zeta", "beta", "alpha")
    found = operator.data(COUNTED, orderBy="NAME")["licenses"]
    assert keys(found) == ["alpha", "beta"]
    assert found["totalCount"] == 3
    counts = {"EXCEEDED": 0, "AT_RISK": 0, "UNKNOWN": 3, "OK": 0}
    assert {each["status"]: each["count"] for each in found["byStatus"]} == counts
    assert found["edges"][0]["node"]["consumption"] == {"freshness": "NEVER", "utilization": None}
    assert operator.data(COUNTED, status=["OK"], search="a")["licenses"]["totalCount"] == 0
    assert operator.data(COUNTED, search="BET")["licenses"]["totalCount"] == 1
    assert operator.data(COUNTED, freshness=["NEVER"])["licenses"]["totalCount"] == 3
    assert operator.data(COUNTED, meter="profiles")["licenses"]["totalCount"] == 0


def test_a_filter_by_a_meter_that_is_not_installed_is_refused(operator: Client) -> None:
    assert operator.error(COUNTED, meter="profile") == (
        "BAD_INPUT",
        "No meter 'profile'. Did you mean 'profiles'?",
    )
