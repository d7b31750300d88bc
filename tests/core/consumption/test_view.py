"""Sections of readings as a reader sees them: status, update times, freshness."""

from datetime import UTC, date, datetime, timedelta

import pytest
from allowance import License

from core.consumption.readings.judged_reading import NEVER_MEASURED, JudgedReading, Problem
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ConsumptionView, Freshness, SectionView, view_consumption
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry
from tests.fixtures.engine import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LICENSE = LoadedLicense(1, License("acme", "Acme", "Asia/Kolkata"), (), date(2026, 3, 15))
OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
FRESH = JudgedReading(OK, measured_at=NOW - HOUR, due_at=NOW + DAY - HOUR)
PROBLEM = Problem("METER_FAILED", "It failed.", NOW)


def view(registry: Registry, now: datetime = NOW, day: date | None = None, **changed: JudgedReading) -> ConsumptionView:
    readings = dict.fromkeys(registry.meters, FRESH) | changed
    return view_consumption(LICENSE, readings, 7, registry, now, day)


def section(found: ConsumptionView, key: str) -> SectionView:
    return next(one for one in found.sections if one.section.key == key)


def freshness(registry: Registry, reading: JudgedReading, now: datetime, day: date | None = None) -> Freshness:
    return section(view(registry, now, day, users=reading), "license").readings[0].freshness


def test_sections_and_meters_stand_in_their_order_of_display(registry: Registry) -> None:
    found = view(registry)
    assert [(one.section.key, [reading.meter.key for reading in one.readings]) for one in found.sections] == [
        ("channels", ["interactions"]),
        ("sms", ["sms_credits"]),
        ("data_model", ["profiles", "profile_tables", "custom_tables", "subscriptions"]),
        ("web", ["goal_interactions", "website_goals", "transactional_goals", "forms"]),
        ("automation", ["scenarios", "segmentation_rules", "daily_exports", "newsletters"]),
        ("license", ["users", "api_users", "sending_domains", "entities", "retention"]),
        ("installations", ["active_installations"]),
    ]
    assert (found.license, found.day, found.version) == (LICENSE, None, 7)


def test_the_status_is_the_worst_of_the_parts(registry: Registry) -> None:
    at_risk, exceeded = JudgedReading(AT_RISK, measured_at=NOW), JudgedReading(EXCEEDED, measured_at=NOW)
    assert view(registry).status is OK
    found = view(registry, forms=at_risk, users=NEVER_MEASURED)
    assert section(found, "web").status is AT_RISK
    assert section(found, "license").status is UNKNOWN
    assert section(found, "sms").status is OK
    assert found.status is AT_RISK
    assert view(registry, forms=at_risk, users=exceeded).status is EXCEEDED
    assert view(registry, users=NEVER_MEASURED).status is UNKNOWN


def test_a_section_was_updated_with_its_latest_reading_and_the_whole_with_its_oldest_section(
    registry: Registry,
) -> None:
    old, new = JudgedReading(OK, measured_at=NOW - 3 * DAY), JudgedReading(OK, measured_at=NOW)
    found = view(registry, interactions=old, forms=new, users=old)
    assert section(found, "channels").updated_at == NOW - 3 * DAY
    assert section(found, "web").updated_at == NOW
    assert section(found, "license").updated_at == NOW - HOUR
    assert found.updated_at == NOW - 3 * DAY


def test_a_section_that_was_never_updated_leaves_the_update_time_of_the_others(registry: Registry) -> None:
    found = view(registry, interactions=NEVER_MEASURED, forms=NEVER_MEASURED)
    assert section(found, "channels").updated_at is None
    assert section(found, "web").updated_at == NOW - HOUR
    assert found.updated_at == NOW - HOUR
    assert view_consumption(LICENSE, {}, 0, registry, NOW).updated_at is None


def test_the_next_update_of_a_section_is_that_of_its_next_reading(registry: Registry) -> None:
    soon = JudgedReading(OK, measured_at=NOW, due_at=NOW + HOUR)
    found = view(registry, forms=soon, interactions=NEVER_MEASURED)
    assert section(found, "web").next_update_at == NOW + HOUR
    assert section(found, "license").next_update_at == NOW + DAY - HOUR
    assert section(found, "channels").next_update_at is None


def test_consumption_counts_since_the_start_of_the_period_where_a_section_counts_over_one(registry: Registry) -> None:
    found = view(registry)
    since = {one.section.key: one.consumption_since for one in found.sections}
    new_year = datetime(2025, 12, 31, 18, 30, tzinfo=UTC)
    assert since == {
        "channels": new_year,
        "sms": None,
        "data_model": None,
        "web": new_year,
        "automation": None,
        "license": None,
        "installations": None,
    }
    past = section(view(registry, day=date(2024, 7, 1)), "channels")
    assert past.consumption_since == datetime(2023, 12, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reading", "now", "expected"),
    [
        (NEVER_MEASURED, NOW, Freshness.NEVER),
        (JudgedReading(UNKNOWN, problem=PROBLEM), NOW, Freshness.NEVER),
        (FRESH, NOW, Freshness.FRESH),
        (JudgedReading(OK, measured_at=NOW, due_at=NOW + DAY, problem=PROBLEM), NOW, Freshness.STALE),
        # A day late, which is how long a reading of this meter is good for, and a moment more.
        (JudgedReading(OK, measured_at=NOW - DAY, due_at=NOW), NOW + DAY, Freshness.FRESH),
        (JudgedReading(OK, measured_at=NOW - DAY, due_at=NOW), NOW + DAY + timedelta(microseconds=1), Freshness.STALE),
    ],
)
def test_a_reading_is_stale_where_its_refresh_failed_or_is_overdue(
    registry: Registry, reading: JudgedReading, now: datetime, expected: Freshness
) -> None:
    assert freshness(registry, reading, now) is expected


def test_a_past_reading_is_never_overdue(registry: Registry) -> None:
    old = JudgedReading(OK, measured_at=NOW - 400 * DAY)
    assert freshness(registry, old, NOW, date(2025, 2, 8)) is Freshness.FRESH
    failed = JudgedReading(OK, measured_at=NOW - 400 * DAY, problem=PROBLEM)
    assert freshness(registry, failed, NOW, date(2025, 2, 8)) is Freshness.STALE


STALE = JudgedReading(OK, measured_at=NOW - HOUR, due_at=NOW, problem=PROBLEM)


@pytest.mark.parametrize(
    ("forms", "goals", "expected"),
    [
        (NEVER_MEASURED, NEVER_MEASURED, Freshness.NEVER),
        (NEVER_MEASURED, FRESH, Freshness.FRESH),
        (NEVER_MEASURED, STALE, Freshness.STALE),
        (FRESH, FRESH, Freshness.FRESH),
        (FRESH, STALE, Freshness.STALE),
    ],
)
def test_a_section_is_stale_if_any_reading_is_and_never_measured_if_all_are(
    registry: Registry, forms: JudgedReading, goals: JudgedReading, expected: Freshness
) -> None:
    found = view(registry, forms=forms, transactional_goals=forms, website_goals=goals, goal_interactions=goals)
    assert section(found, "web").freshness is expected


def test_the_problem_of_a_section_is_the_oldest_of_its_readings(registry: Registry) -> None:
    older = Problem("METER_TIMED_OUT", "It took too long.", NOW - HOUR)
    found = view(registry, forms=STALE, website_goals=NEVER_MEASURED._replace(problem=older))
    assert section(found, "web").problem == older
    assert section(found, "channels").problem is None
