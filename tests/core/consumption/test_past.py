"""Consumption as it stood at the end of a past day, measured again from the rollups."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points

from allowance import Period

from core.consumption.readings.status import UsageStatus
from core.consumption.view import Freshness
from core.plugins.host import load_plugins
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import TOO_LARGE

TODAY = NOW.date()
DAY = timedelta(days=1)
SMALL = {"profiles": 100, "interactions_per_profile": 10}


def days_ago(number: int) -> date:
    return TODAY - number * DAY


def test_a_past_day_shows_what_was_known_of_it_whenever_that_came_in(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(usage_event("interaction.sent", time=NOW - 3 * DAY, quantity=500))
    engine.send(usage_event("interaction.sent", time=NOW, quantity=400))
    assert [engine.past_readings(days_ago(ago))["interactions"].used for ago in (4, 3, 1)] == [0, 500, 500]

    engine.send(usage_event("interaction.sent", time=NOW - 4 * DAY, quantity=300))
    assert [engine.past_readings(days_ago(ago))["interactions"].used for ago in (4, 3, 1)] == [300, 800, 800]
    assert engine.past_readings(days_ago(3))["interactions"].status is UsageStatus.AT_RISK


def test_a_past_day_is_judged_by_the_contract_and_the_period_of_its_time(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, effective_from=date(2024, 2, 29), starts_on=date(2024, 2, 29))
    engine.contract("acme", {**SMALL, "profiles": 50}, effective_from=date(2025, 6, 1), starts_on=date(2024, 2, 29))
    engine.backfill(
        usage_event("interaction.sent", time="2025-02-27T23:59:59Z", quantity=900),
        usage_event("interaction.sent", time="2025-02-28T00:00:00Z", quantity=600),
    )

    def found(day: date) -> tuple[object, ...]:
        reading = engine.past_readings(day)["interactions"]
        assert reading.period is not None
        return reading.used, reading.limit, reading.status.value, reading.period.first, reading.period.end

    leap, first, second = date(2024, 2, 29), date(2025, 2, 28), date(2026, 2, 28)
    assert found(date(2024, 2, 28)) == (0, None, "UNKNOWN", date(2024, 1, 1), leap)  # before any contract
    assert found(date(2024, 2, 29)) == (0, 1000, "OK", leap, first)
    assert found(date(2025, 2, 27)) == (900, 1000, "AT_RISK", leap, first)
    assert found(date(2025, 2, 28)) == (600, 1000, "OK", first, second)
    assert found(date(2025, 5, 31)) == (600, 1000, "OK", first, second)
    assert found(date(2025, 6, 1)) == (600, 500, "EXCEEDED", first, second)
    assert found(date(2026, 2, 27)) == (600, 500, "EXCEEDED", first, second)
    assert found(date(2026, 2, 28)) == (0, 500, "OK", second, date(2027, 2, 28))


def test_a_level_and_what_was_left_of_credits_are_those_of_the_day(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata")
    engine.grant("acme", "g", 100, granted_at=NOW - 10 * DAY, expires_at=NOW - 4 * DAY)
    engine.grant("acme", "h", 10, granted_at=NOW - 2 * DAY)
    for ago, count in ((9, 5), (5, 3), (0, 8)):
        engine.send(
            usage_event("forms.level", time=NOW - ago * DAY, value=count),
            usage_event("sms.sent", time=NOW - ago * DAY, quantity=count),
        )

    def found(ago: int) -> tuple[object, ...]:
        readings = engine.past_readings(days_ago(ago))
        return readings["forms"].used, readings["sms_credits"].used, readings["sms_credits"].limit

    assert [found(ago) for ago in (11, 9, 6, 5, 4, 3, 1)] == [
        (None, 0, None),
        (5, 5, 100),
        (5, 5, 100),
        (3, 8, 100),
        (3, 0, 0),
        (3, 0, 0),
        (3, 0, 10),
    ]


def test_a_past_view_is_as_of_the_last_instant_of_its_day_and_not_stale(engine: Engine) -> None:
    engine.license("acme", "America/New_York", SMALL)
    view = engine.past(days_ago(30))
    end = datetime(2026, 2, 14, 5, tzinfo=UTC) - timedelta(microseconds=1)
    assert (view.day, view.version, view.updated_at) == (date(2026, 2, 13), 0, end)
    assert {one.freshness for section in view.sections for one in section.readings} == {Freshness.FRESH}
    channels = view.sections[0]
    assert channels.consumption_since == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert channels.next_update_at is None


def test_a_meter_that_fails_for_a_past_day_costs_its_neighbours_nothing(engine: Engine) -> None:
    partner = EntryPoint("flaky", "tests.fixtures.flaky", "allowance")
    registry = load_plugins([*entry_points(group="allowance"), partner])
    engine = Engine(replace(engine.runtime, registry=registry))
    engine.license("acme", "UTC", TOO_LARGE)
    engine.send(usage_event("forms.level", time=NOW - DAY, value=3))

    readings = engine.past_readings(days_ago(1))

    assert readings["forms"].used == Decimal(3)
    assert readings["flaky"].status is UsageStatus.UNKNOWN
    assert readings["flaky"].problem is not None
    assert readings["flaky"].problem.code == "METER_INVALID_READING"


def test_a_day_long_before_anything_can_be_asked_for(engine: Engine) -> None:
    engine.license("acme", "Pacific/Kiritimati", SMALL, billing_period="P100Y")
    reading = engine.past_readings(date(1970, 1, 1))["interactions"]
    assert (reading.used, reading.limit) == (Decimal(0), None)
    assert reading.period == Period(date(1970, 1, 1), date(1971, 1, 1), "Pacific/Kiritimati")
