"""Points of a history: their day, what they add, their contract, and their shares."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import NOW
from tests.api.server import Client, Served, nodes
from tests.fixtures.engine import Engine, usage_event

HISTORY = """query ($at: DateTime) { consumption(license: "acme", at: $at) { section(key: "%s") { readings {
  meter { key }
  history(%s) {
    edges { node { at day used increment contractVersion shares { %s } } } pageInfo { startCursor endCursor }
  }
} } } }"""
SHARE = "dimension key label used"


def history(client: Client, arguments: str, meter: str = "interactions", at: str | None = None) -> Any:
    section = "channels" if meter == "interactions" else "data_model"
    found = client.data(HISTORY % (section, arguments, SHARE), at=at)
    readings = found["consumption"]["section"]["readings"]
    return next(reading["history"] for reading in readings if reading["meter"]["key"] == meter)


def facts(connection: Any, *names: str) -> list[list[Any]]:
    return [[node[name] for name in names] for node in nodes(connection)]


@pytest.fixture
def days(served: Served, operator: Client) -> None:
    """A license with usage on days around a turn of its billing period, and a second contract."""
    operator.data("""mutation {
      putLicense(input: {key: "acme", name: "Acme", timeZone: "Europe/Brussels"}) { errors { message } }
      one: putContract(input: {license: "acme", effectiveFrom: "2026-01-04", startsOn: "2026-01-04",
        billingPeriod: "P1M", terms: [{key: "profiles", value: 100}, {key: "interactions_per_profile", value: 10}]
      }) { errors { message } }
      two: putContract(input: {license: "acme", effectiveFrom: "2026-03-06", startsOn: "2026-01-04",
        billingPeriod: "P1M", terms: [{key: "profiles", value: 200}, {key: "interactions_per_profile", value: 10}]
      }) { errors { message } }
    }""")
    sent = [(8, 30, "print"), (7, 10, "print"), (5, 4, "social"), (3, 6, "print"), (0, 5, "social")]
    events = [
        usage_event("interaction.sent", time=NOW - timedelta(days=ago), quantity=many, dimensions={"channel": channel})
        for ago, many, channel in sent
    ]
    levels = [(8, 70, "be"), (5, 50, "be"), (5, 15, "nl")]
    events += [
        usage_event("profiles.level", time=NOW - timedelta(days=ago), value=many, entity=entity)
        for ago, many, entity in levels
    ]
    Engine(served.runtime).backfill(*events, now=NOW)
    served.refresh()


EVERY = [
    ["2026-03-02", 30, 30, 1],
    ["2026-03-03", 40, 10, 1],
    ["2026-03-04", 0, 0, 1],
    ["2026-03-05", 4, 4, 1],
    ["2026-03-06", 4, 0, 2],
    ["2026-03-07", 10, 6, 2],
    ["2026-03-08", 10, 0, 2],
    ["2026-03-09", 10, 0, 2],
    ["2026-03-10", 15, 5, 2],
]
FACTS = ("day", "used", "increment", "contractVersion")


@pytest.mark.usefixtures("days")
def test_points_state_their_day_what_they_add_and_their_contract(operator: Client) -> None:
    assert facts(history(operator, "last: 9"), *FACTS) == EVERY
    assert facts(history(operator, "first: 9"), *FACTS) == EVERY
    assert facts(history(operator, 'from: "2026-03-02T00:00:00+01:00"'), *FACTS) == EVERY
    levels = facts(history(operator, "last: 9", "profiles"), "used", "increment")
    assert levels == [[70, 70], [70, 0], [70, 0], [65, -5], [65, 0], [65, 0], [65, 0], [65, 0], [65, 0]]


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("size", [1, 2, 4])
def test_every_page_continues_the_increments_of_the_page_before(operator: Client, size: int) -> None:
    forward: list[Any] = []
    back: list[Any] = []
    arguments = f'from: "2026-03-02T00:00:00+01:00", first: {size}'
    page = history(operator, arguments)
    while nodes(page):
        forward += facts(page, *FACTS)
        page = history(operator, f'{arguments}, after: "{page["pageInfo"]["endCursor"]}"')
    assert forward == EVERY
    page = history(operator, f"last: {size}")
    while len(back) < len(EVERY):
        back[:0] = facts(page, *FACTS)
        page = history(operator, f'last: {size}, before: "{page["pageInfo"]["startCursor"]}"')
    assert back[-len(EVERY) :] == EVERY


@pytest.mark.usefixtures("days")
def test_increments_of_longer_intervals_count_since_the_beginning_of_the_period(operator: Client) -> None:
    assert facts(history(operator, "interval: WEEK, last: 2"), *FACTS[:3]) == [
        ["2026-03-08", 10, 10],
        ["2026-03-10", 15, 5],
    ]
    assert facts(history(operator, 'from: "2026-03-08T00:00:00+01:00"'), *FACTS[:3])[0] == ["2026-03-08", 10, 0]


@pytest.mark.usefixtures("days")
def test_shares_by_a_dimension_are_those_of_each_day_and_of_the_current_reading(operator: Client) -> None:
    shares = [
        {share["label"]: share["used"] for share in node["shares"]}
        for node in nodes(history(operator, 'last: 9, dimension: "channel"'))
    ]
    printed, social = "Print campaigns", "Social campaigns"
    assert [{label: used for label, used in one.items() if used} for one in shares] == [
        {printed: 30},
        {printed: 40},
        {},
        {social: 4},
        {social: 4},
        {social: 4, printed: 6},
        {social: 4, printed: 6},
        {social: 4, printed: 6},
        {social: 9, printed: 6},
    ]
    entities = nodes(history(operator, 'last: 6, dimension: "entity"', "profiles"))
    assert [{share["key"]: share["used"] for share in node["shares"]} for node in entities] == 6 * [
        {"be": 50, "nl": 15}
    ]
    past = nodes(history(operator, 'last: 1, dimension: "channel"', at="2026-03-07T12:00:00Z"))
    assert sum(share["used"] for share in past[0]["shares"]) == past[0]["used"] == 10


@pytest.mark.usefixtures("days")
def test_without_a_dimension_points_have_no_shares(operator: Client) -> None:
    for arguments in ("last: 2", 'last: 2, dimension: "colour"'):
        assert facts(history(operator, arguments), "shares") == [[[]], [[]]]


@pytest.mark.usefixtures("days")
def test_shares_need_whole_days(operator: Client) -> None:
    found = operator.graphql(HISTORY % ("channels", 'interval: HOUR, dimension: "channel"', SHARE), at=None)
    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["message"]) == (
        "BAD_INPUT",
        "Shares are known for the ends of days: with `dimension`, the interval is DAY, WEEK or MONTH.",
    )
