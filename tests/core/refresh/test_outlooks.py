"""Outlooks of a refresh: made once a day and when the past changes, from history, in a fixed number of statements."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.forecast.forecast import Exceeding, ForecastReason
from core.forecast.reading_forecast import ReadingForecast, forecast_reading
from core.forecast.store import load_outlooks, load_stamps
from core.refresh.outlooks import make_outlooks
from core.refresh.refresh import plan_refresh, save_refresh
from tests.core.refresh.common import ALL, DAY, HOUR, SMALL, WEB, days_ago, sent
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import TOO_LARGE

MIDNIGHT = NOW - 12 * HOUR
YEAR_END = datetime(2027, 1, 1, tzinfo=UTC)


def forecast(engine: Engine, meter: str = "interactions", key: str = "acme", now: datetime = NOW) -> ReadingForecast:
    view = next(
        view for section in engine.view(key, now).sections for view in section.readings if view.meter.key == meter
    )
    with engine.database.read() as session:
        stored = load_outlooks(session, [view.license.id]).get(view.license.id, {}).get(meter)
    return forecast_reading(view, stored, now)


def daily(quantities: Sequence[float], before: datetime = MIDNIGHT, **fields: object) -> list[dict[str, object]]:
    """Return an event at noon of each day before a midnight, the last on the day before it."""
    number = len(quantities)
    return [
        sent(quantity, before - (number - index) * DAY + 12 * HOUR, **fields)
        for index, quantity in enumerate(quantities)
        if quantity
    ]


def expected(found: ReadingForecast) -> float:
    assert found.forecast is not None, found.reason
    return found.forecast.end.expected


def test_steady_usage_goes_on_to_the_end_of_the_year(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 60))
    engine.refresh()
    found = forecast(engine)
    assert found.forecast is not None
    assert found.computed_at == NOW
    assert found.forecast.points[0] == (NOW, 600, 600, 600)
    assert found.forecast.end.at == YEAR_END
    left = (YEAR_END - NOW) / DAY
    assert expected(found) == pytest.approx(600 + 10 * left)
    at = NOW + 40 * DAY
    assert found.forecast.exceeding.at is not None
    assert abs(found.forecast.exceeding.at - at) < HOUR
    assert found.forecast.exceeding.earliest == found.forecast.exceeding.at == found.forecast.exceeding.latest


def test_there_is_no_forecast_before_fourteen_days_and_one_from_then_on(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 14))
    engine.refresh()
    assert forecast(engine).reason is ForecastReason.TOO_LITTLE_HISTORY
    engine.refresh(now=NOW + DAY)
    assert forecast(engine, now=NOW + DAY).reason is None


def test_a_meter_without_usage_has_nothing_to_forecast(engine: Engine) -> None:
    engine.license(terms={**SMALL, "users": 5, "retention_months": 24})
    engine.backfill(*daily([10] * 30))
    engine.refresh()
    assert forecast(engine, "users").reason is ForecastReason.NOTHING_TO_FORECAST
    assert forecast(engine, "retention").reason is ForecastReason.NOTHING_TO_FORECAST
    assert forecast(engine, "forms").reason is ForecastReason.NOTHING_TO_FORECAST
    assert forecast(engine, "sms_credits").reason is ForecastReason.NOTHING_TO_FORECAST


def test_a_period_that_is_over_has_no_forecast(engine: Engine) -> None:
    engine.license(terms=SMALL, billing_period="P1M")
    engine.backfill(*daily([10] * 30))
    engine.refresh()
    assert forecast(engine, now=datetime(2026, 3, 31, 23, 59, tzinfo=UTC)).reason is None
    assert forecast(engine, now=datetime(2026, 4, 1, tzinfo=UTC)).reason is ForecastReason.PERIOD_OVER


def test_days_of_earlier_periods_are_history_too(engine: Engine) -> None:
    engine.license(terms=SMALL, billing_period="P1M")
    engine.backfill(*daily([10] * 60))
    engine.refresh()
    assert forecast(engine).forecast is not None
    assert expected(forecast(engine)) == pytest.approx(140 + 10 * 16.5)


def test_usage_of_today_counts_at_once_and_history_once_a_day(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 60))
    engine.refresh()
    before = expected(forecast(engine))
    engine.send(sent(500))
    with engine.database.read() as session:
        assert plan_refresh(session, {engine.id(): ALL}, engine.runtime.registry, NOW + HOUR).outdated == {}
    engine.refresh(now=NOW + HOUR)
    later = forecast(engine, now=NOW + HOUR)
    assert later.computed_at == NOW
    assert expected(later) == pytest.approx(before + 500, abs=1)
    engine.refresh(now=NOW + DAY)
    next_day = forecast(engine, now=NOW + DAY)
    assert next_day.computed_at == NOW + DAY
    assert next_day.forecast is not None
    assert next_day.forecast.end.high > expected(next_day) > expected(later)


def test_late_usage_changes_the_forecast(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 60))
    engine.refresh()
    before = expected(forecast(engine))
    engine.backfill(*daily([10] * 30))
    engine.refresh(now=NOW + HOUR)
    assert expected(forecast(engine, now=NOW + HOUR)) > 1.8 * before


def test_a_new_contract_changes_limit_and_period(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 60))
    engine.refresh()
    engine.contract("acme", {"profiles": 1000, "interactions_per_profile": 10}, billing_period="P3M", now=NOW)
    engine.refresh(now=NOW + HOUR)
    found = forecast(engine, now=NOW + HOUR)
    assert found.computed_at == NOW + HOUR
    assert found.forecast is not None
    assert found.forecast.end.at == datetime(2026, 4, 1, tzinfo=UTC)
    assert found.forecast.exceeding == Exceeding()
    assert expected(found) == pytest.approx(600 + 10 * 16.5, abs=1)


def test_a_negative_correction_of_a_past_day_is_taken_from_that_day(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 59 + [2_000]))
    with engine.database.write() as session:
        given = CorrectionInput(
            "c", "acme", "counted twice", event="interaction.sent", quantity=Decimal(-1_990), time=NOW - DAY
        )
        correct_usage(session, given, engine.runtime.registry, engine.runtime.settings, "an operator", NOW)
    engine.refresh()
    assert expected(forecast(engine)) == pytest.approx(600 + 10 * (YEAR_END - NOW) / DAY)


def test_a_level_is_forecast_at_the_end_of_the_billing_period(engine: Engine) -> None:
    engine.license(terms={"forms": 400}, billing_period="P1M")
    engine.backfill(
        *[usage_event("forms.level", time=NOW - number * DAY, value=300 - 2 * number) for number in range(60, -1, -1)]
    )
    engine.refresh()
    found = forecast(engine, "forms")
    assert found.forecast is not None
    assert found.forecast.end.at == datetime(2026, 4, 1, tzinfo=UTC)
    assert found.forecast.end[1:] == pytest.approx((333, 333, 333))
    assert found.forecast.exceeding == Exceeding()


def test_the_last_credit_is_forecast_with_expiries(engine: Engine) -> None:
    engine.license(terms={})
    since = NOW - 90 * DAY
    engine.grant("acme", "a", 1_000, granted_at=since, expires_at=MIDNIGHT + 20 * DAY, now=since)
    engine.grant("acme", "b", 100, granted_at=since, now=since)
    engine.backfill(*[usage_event("sms.sent", time=NOW - number * DAY, quantity=10) for number in range(60, 0, -1)])
    engine.refresh()
    found = forecast(engine, "sms_credits")
    assert found.forecast is not None
    # 195 of the 400 left of the first grant are spent when it expires; the 100 of the other last ten days.
    gone = found.forecast.exceeding
    assert gone.at is not None
    assert abs(gone.at - (MIDNIGHT + 30 * DAY)) < HOUR
    assert gone.earliest == gone.at == gone.latest

    engine.grant("acme", "c", 50, granted_at=NOW, now=NOW)
    engine.refresh(now=NOW)
    later = forecast(engine, "sms_credits").forecast
    assert later is not None
    assert later.exceeding.at is not None
    assert abs(later.exceeding.at - (MIDNIGHT + 35 * DAY)) < HOUR


def test_days_are_those_of_the_license(engine: Engine) -> None:
    engine.license("acme", "Pacific/Kiritimati", SMALL)
    midnight = datetime(2026, 3, 15, 10, tzinfo=UTC)
    engine.backfill(*daily([10] * 60, midnight))
    engine.refresh()
    with engine.database.read() as session:
        outlook = load_outlooks(session, [engine.id()])[engine.id()]["interactions"].outlook
    assert outlook is not None
    assert (outlook.day, outlook.since, outlook.until) == (date(2026, 3, 16), days_ago(58), date(2027, 1, 1))


def test_other_meters_keep_their_outlooks_when_a_section_is_refreshed(engine: Engine) -> None:
    engine.license(terms={**SMALL, "forms": 5})
    engine.backfill(*daily([10] * 60), usage_event("forms.level", time=NOW - 60 * DAY, value=2))
    engine.refresh()
    engine.refresh(now=NOW + DAY, scope=WEB)
    assert forecast(engine, "forms", now=NOW + DAY).computed_at == NOW + DAY
    assert forecast(engine, "interactions", now=NOW + DAY).computed_at == NOW
    with engine.database.read() as session:
        stamps = load_stamps(session, [engine.id()])[engine.id()]
    assert stamps["forms"].startswith("2026-03-16 ")
    assert stamps["interactions"].startswith("2026-03-15 ")


def test_a_meter_that_fails_has_no_forecast_and_costs_no_other(flaky: Engine) -> None:
    flaky.license(terms=TOO_LARGE)
    flaky.backfill(*daily([10] * 60))
    flaky.refresh()
    assert forecast(flaky, "flaky").reason is ForecastReason.METER_FAILED
    assert forecast(flaky).reason is None


def test_the_same_history_gives_the_same_outlook_to_the_digit(engine: Engine) -> None:
    for key in ("one", "two"):
        engine.license(key, "UTC", SMALL)
        engine.backfill(*[{**event, "license": key} for event in daily([number % 11 for number in range(70)])])
    engine.refresh("one", "two")
    with engine.database.read() as session:
        found = load_outlooks(session, [engine.id("one"), engine.id("two")])
    assert found[engine.id("one")] == found[engine.id("two")]


def test_a_refresh_that_is_superseded_stores_no_outlook(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.backfill(*daily([10] * 60))
    registry = engine.runtime.registry
    with engine.database.read() as session:
        plan = plan_refresh(session, {engine.id(): ALL}, registry, NOW)
    answers = engine.runtime.measurer.measure(plan.questions)
    engine.refresh(now=NOW + HOUR)
    with engine.database.write() as session:
        save_refresh(session, plan, answers, registry, outlooks=make_outlooks(plan, answers))
    assert forecast(engine).computed_at == NOW + HOUR
