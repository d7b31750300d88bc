"""The report on a contract against the history of the readings."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil

import pytest

from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest
from core.consumption.readings.status import UsageStatus
from core.errors import BadInput
from core.report.contract_report import ContractReport, MeterReport
from core.report.days import report_days
from core.report.load_report import ReportDays, load_reports
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event

DAY = timedelta(days=1)
TODAY = NOW.date()
HEADROOM = Decimal("0.2")
OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN


def report(
    engine: Engine,
    first: date | None = None,
    last: date | None = None,
    terms: Mapping[str, Decimal] | None = None,
    now: datetime = NOW,
    key: str = "acme",
) -> ContractReport:
    loaded = engine.loaded(key, now)
    asked = ReportDays(loaded, *report_days(loaded, first, last))
    with engine.database.read() as session:
        return load_reports(session, [asked], engine.runtime.registry, now, HEADROOM, terms)[loaded.id]


def meter(found: ContractReport, key: str) -> MeterReport:
    [one] = [one for one in found.meters if one.meter.key == key]
    return one


def refresh_daily(engine: Engine, days: int, levels: Mapping[int, int] = {}, now: datetime = NOW) -> None:
    """Refresh at noon of each of the last days, with the profiles of some of them, by days ago."""
    for ago in range(days, -1, -1):
        if ago in levels:
            engine.backfill(usage_event("profiles.level", time=now - ago * DAY, value=levels[ago]))
        engine.refresh(now=now - ago * DAY)


def test_a_level_is_reported_with_its_peak_its_days_and_its_first_crossing(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 9 * DAY, starts_on=TODAY - 9 * DAY)
    refresh_daily(engine, 9, {9: 50, 6: 85, 4: 130, 3: 90, 1: 20})

    found = meter(report(engine), "profiles")

    assert (found.contract_version, found.committed, found.used_at_end) == (1, 100, 20)
    assert found.peak is not None
    assert (found.peak.used, found.peak.day) == (130, TODAY - 4 * DAY)
    assert found.days_by_status == {OK: 5, AT_RISK: 4, EXCEEDED: 1, UNKNOWN: 0}
    assert found.first_crossing == datetime.combine(TODAY - 6 * DAY, NOW.time(), UTC)
    assert found.overage == 30
    assert found.refused == 0
    assert found.suggestion is not None
    assert (found.suggestion.limit, found.suggestion.demand_on) == (160, TODAY - 4 * DAY)  # 130 and a fifth: 156


def test_other_terms_show_what_would_have_been(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 9 * DAY, starts_on=TODAY - 9 * DAY)
    refresh_daily(engine, 9, {9: 50, 6: 85, 4: 130, 3: 90, 1: 20})

    found = meter(report(engine, terms={"profiles": Decimal(160)}), "profiles")

    assert (found.committed, found.used_at_end, found.overage) == (160, 20, 0)
    assert found.days_by_status == {OK: 9, AT_RISK: 1, EXCEEDED: 0, UNKNOWN: 0}


def test_the_terms_of_other_meters_change_nothing(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100, "users": 5}, effective_from=TODAY - 3 * DAY)
    refresh_daily(engine, 3, {3: 50})

    assert meter(report(engine, terms={"users": Decimal(50)}), "profiles") == meter(report(engine), "profiles")


def test_each_version_of_the_contract_is_reported_by_itself(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 9 * DAY, starts_on=TODAY - 9 * DAY)
    engine.contract("acme", {"profiles": 200}, effective_from=TODAY - 4 * DAY, starts_on=TODAY - 9 * DAY)
    refresh_daily(engine, 9, {9: 110, 2: 150})

    found = [one for one in report(engine, TODAY - 9 * DAY).meters if one.meter.key == "profiles"]

    assert [(one.contract_version, one.committed, len(one.days)) for one in found] == [(1, 100, 5), (2, 200, 5)]
    assert [one.days_by_status[EXCEEDED] for one in found] == [5, 0]
    assert [one.peak and one.peak.used for one in found] == [110, 150]


def test_a_day_without_a_contract_is_no_day_of_a_report(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 2 * DAY, starts_on=TODAY - 2 * DAY)
    refresh_daily(engine, 9, {9: 50})

    assert len(meter(report(engine, TODAY - 9 * DAY), "profiles").days) == 3


def test_a_day_that_history_does_not_know_is_unknown(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 9 * DAY, starts_on=TODAY - 9 * DAY)
    refresh_daily(engine, 2, {2: 50})

    found = meter(report(engine), "profiles")

    assert (found.days_by_status[UNKNOWN], found.days_by_status[OK]) == (7, 3)


def test_a_period_that_is_not_over_suggests_no_limit(engine: Engine) -> None:
    terms = {"profiles": 10, "interactions_per_profile": 10}
    engine.license("acme", "UTC", terms, effective_from=date(2026, 1, 1), billing_period="P1M")
    engine.backfill(
        usage_event("interaction.sent", time="2026-02-10T12:00:00Z", quantity=150),
        usage_event("interaction.sent", time="2026-03-10T12:00:00Z", quantity=900),
    )
    for day in (27, 28, 29, 30, 31, 32, 40, 41, 42, 43):
        engine.refresh(now=datetime(2026, 2, 1, 12, tzinfo=UTC) + (day - 1) * DAY)

    assert meter(report(engine), "interactions").suggestion is None
    over = meter(report(engine, date(2026, 2, 1)), "interactions").suggestion
    assert over is not None
    assert (over.limit, over.demand, over.demand_on) == (180, 150, date(2026, 2, 10))


def test_what_a_hard_limit_refused_counts_as_demand(engine: Engine) -> None:
    engine.license("acme", "UTC", {"active_installations": 2}, effective_from=date(2026, 1, 1))
    admitter = Admitter(engine.database, engine.runtime.registry, engine.runtime.settings, lambda: NOW)
    for number in range(5):
        admitter.check_in(CheckInRequest("acme", "active_installations", f"installation-{number}", "a key"))
    admitter.close()
    engine.refresh(now=NOW)

    found = meter(report(engine, TODAY), "active_installations")
    assert (found.used_at_end, found.committed, found.refused, found.overage) == (2, 2, 3, 3)
    assert found.days_by_status[EXCEEDED] == 1

    enough = meter(report(engine, TODAY, terms={"active_installations": Decimal(5)}), "active_installations")
    assert (enough.used_at_end, enough.refused, enough.overage, enough.days_by_status[EXCEEDED]) == (5, 0, 0, 0)

    fewer = meter(report(engine, TODAY, terms={"active_installations": Decimal(1)}), "active_installations")
    assert (fewer.used_at_end, fewer.refused, fewer.overage, fewer.days_by_status[EXCEEDED]) == (1, 4, 4, 1)


def test_a_forecast_that_is_higher_than_every_peak_sets_the_suggested_limit(engine: Engine) -> None:
    first = TODAY - 29 * DAY
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=first, starts_on=first, billing_period="P60D")
    refresh_daily(engine, 29, {ago: 60 - 2 * ago for ago in range(30)})

    found = meter(report(engine), "profiles")

    assert found.peak is not None
    assert (found.peak.used, found.days_by_status[EXCEEDED]) == (60, 0)
    assert found.outlook is not None
    forecast = found.outlook.forecast.forecast
    assert forecast is not None
    assert forecast.end.expected > 100
    assert forecast.exceeding.earliest is not None
    assert found.suggestion is not None
    assert found.suggestion.demand_on is None
    assert found.suggestion.demand == ceil(forecast.end.high)
    assert found.suggestion.limit >= found.suggestion.demand * (1 + HEADROOM)

    enough = meter(report(engine, terms={"profiles": found.suggestion.limit}), "profiles")
    assert enough.outlook is not None
    assert enough.outlook.forecast.forecast is not None
    assert enough.outlook.forecast.forecast.exceeding.earliest is None


def test_a_report_that_ends_before_today_has_no_forecast(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 3 * DAY, starts_on=TODAY - 3 * DAY)
    refresh_daily(engine, 3, {3: 50})

    assert meter(report(engine, last=TODAY - DAY), "profiles").outlook is None
    assert meter(report(engine), "profiles").outlook is not None


def test_days_are_those_of_the_time_zone_of_the_license(engine: Engine) -> None:
    engine.license("acme", "Pacific/Auckland", {"profiles": 100}, effective_from=date(2026, 3, 14))
    engine.backfill(usage_event("profiles.level", time=datetime(2026, 3, 14, 11, 30, tzinfo=UTC), value=120))  # 00:30
    engine.refresh(now=datetime(2026, 3, 14, 10, tzinfo=UTC))  # 23:00 on the 14th
    engine.refresh(now=datetime(2026, 3, 14, 12, tzinfo=UTC))  # 01:00 on the 15th

    found = meter(report(engine, date(2026, 3, 14), now=datetime(2026, 3, 14, 12, tzinfo=UTC)), "profiles")

    assert [(one.day, one.used) for one in found.days] == [(date(2026, 3, 14), None), (date(2026, 3, 15), 120)]


def test_a_report_agrees_with_the_readings_of_its_days(engine: Engine) -> None:
    levels = [40, 81, 100, 101]
    engine.license("acme", "UTC", {"profiles": 100}, effective_from=TODAY - 3 * DAY)
    refresh_daily(engine, 3, dict(zip((3, 2, 1, 0), levels, strict=True)))

    found = meter(report(engine, TODAY - 3 * DAY), "profiles")

    readings = [engine.past_readings(one.day)["profiles"] for one in found.days[:-1]] + [engine.reading("profiles")]
    assert [(one.used, one.limit, one.status) for one in found.days] == [
        (reading.used, reading.limit, reading.status) for reading in readings
    ]
    assert [one.used for one in found.days] == levels


def test_many_licenses_take_as_many_statements_as_one(engine: Engine) -> None:
    keys = [f"many-{number}" for number in range(5)]
    for key in keys:
        engine.license(key, "UTC", {"profiles": 100}, effective_from=TODAY)
        engine.refresh(key)
    asked = [ReportDays(engine.loaded(key), TODAY, TODAY) for key in keys]
    counted = []
    for some in (asked[:1], asked):
        with counted_statements(engine.database) as statements, engine.database.read() as session:
            load_reports(session, some, engine.runtime.registry, NOW, HEADROOM)
        counted.append(len(statements))

    assert counted[0] == counted[1]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2026, 3, 10), date(2026, 3, 9), "would begin on 2026-03-10, after its last day, 2026-03-09"),
        (date(2026, 3, 16), None, "would begin on 2026-03-16, after its last day, 2026-03-15"),
        (date(2020, 1, 1), None, "covers 1100 days at the most"),
    ],
)
def test_impossible_days_are_refused(engine: Engine, first: date, last: date | None, message: str) -> None:
    engine.license("acme", "UTC", {"profiles": 100})

    with pytest.raises(BadInput, match=message):
        report(engine, first, last)


def test_without_days_a_report_is_on_the_billing_period_up_to_today(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 100}, starts_on=date(2025, 2, 1), effective_from=date(2025, 2, 1))

    assert report_days(engine.loaded("acme"), None, None) == (date(2026, 2, 1), TODAY)
    assert report_days(engine.loaded("acme"), None, date(2026, 1, 31)) == (date(2025, 2, 1), date(2026, 1, 31))
