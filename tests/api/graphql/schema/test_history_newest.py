"""History shows the newest points by default, and goes back from there."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import NOW
from tests.api.server import Client, Served
from tests.fixtures.engine import Engine, usage_event

HISTORY = """query ($at: DateTime) { consumption(license: "acme", at: $at) { section(key: "channels") { readings {
  history%s { edges { cursor node { at used } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
} } } }"""
DAY = timedelta(days=1)


@pytest.fixture
def years(served: Served, operator: Client) -> None:
    """A license with an interaction on each of the last 500 days."""
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    events = [usage_event("interaction.sent", time=NOW - number * DAY, id=f"d{number}") for number in range(500)]
    Engine(served.runtime).backfill(*events, now=NOW)
    served.refresh()


def points(client: Client, arguments: str = "", at: str | None = None) -> tuple[list[str], Any]:
    found = client.data(HISTORY % (f"({arguments})" if arguments else ""), at=at)
    connection = found["consumption"]["section"]["readings"][0]["history"]
    return [edge["node"]["at"] for edge in connection["edges"]], connection["pageInfo"]


@pytest.mark.usefixtures("years")
@pytest.mark.parametrize(
    ("arguments", "many"),
    [("", 100), ("interval: WEEK, first: 52", 52), ("interval: WEEK, last: 52", 52), ("interval: HOUR", 5)],
)
def test_the_newest_point_is_the_present_one(operator: Client, arguments: str, many: int) -> None:
    found, _ = points(operator, arguments)
    assert found[-1][:10] == "2026-03-10"
    assert len(found) == many


@pytest.mark.usefixtures("years")
def test_last_and_before_go_back(operator: Client) -> None:
    newest, page = points(operator, "last: 3")
    assert [at[:10] for at in newest] == ["2026-03-08", "2026-03-09", "2026-03-10"]
    assert page["hasPreviousPage"] is True
    earlier, _ = points(operator, f'last: 2, before: "{page["startCursor"]}"')
    assert [at[:10] for at in earlier] == ["2026-03-06", "2026-03-07"]


@pytest.mark.usefixtures("years")
@pytest.mark.parametrize("end", ["2026-03-05T23:59:59.999Z", "2026-03-05T23:59:59.999999Z"])
def test_a_days_end_in_milliseconds_includes_the_day(operator: Client, end: str) -> None:
    found, _ = points(operator, f'to: "{end}"')
    assert found[-1][:10] == "2026-03-05"


@pytest.mark.usefixtures("years")
def test_in_the_past_history_ends_there(operator: Client) -> None:
    found, _ = points(operator, at="2025-12-24T12:00:00Z")
    assert found[-1][:10] == "2025-12-24"
