"""Windows: calendar months in UTC, or what the contract says; back-off within them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.admission.back_off import back_off
from core.admission.window import Window, window_at, window_before
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import Contract

MONTHS = QuotaTerms()
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2190, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def contract(starts_on: date, anchor: str = "CONTRACT_DATE") -> Contract:
    return Contract(
        license_id=1, version=1, effective_from=starts_on, starts_on=starts_on, billing_period="P1Y", anchor=anchor,
        terms={}, at_risk={}, warnings=False,
    )  # fmt: skip


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_by_default_a_window_is_the_calendar_month_in_utc_whatever_the_licenses_time_zone() -> None:
    november = Window(utc(2026, 11, 1), utc(2026, 12, 1), "UTC")
    for now in (utc(2026, 11, 1), utc(2026, 11, 15, 3), utc(2026, 12, 1) - INSTANT):
        assert window_at(now, MONTHS, contract(date(2026, 1, 15)), "Asia/Kolkata") == november
        assert window_at(now, MONTHS, None, "America/New_York") == november
    assert window_at(utc(2026, 12, 1), MONTHS, None, "UTC").start == utc(2026, 12, 1)
    assert window_before(november, MONTHS, None, "UTC") == Window(utc(2026, 10, 1), utc(2026, 11, 1), "UTC")


def test_the_contracts_own_window_runs_from_its_start_at_midnight_in_the_licenses_time_zone() -> None:
    own = QuotaTerms(window="P1M")
    found = window_at(utc(2026, 11, 20), own, contract(date(2026, 1, 15)), "Europe/Brussels")
    assert found == Window(utc(2026, 11, 14, 23), utc(2026, 12, 14, 23), "Europe/Brussels")
    assert (found.period.first, found.period.end) == (date(2026, 11, 15), date(2026, 12, 15))
    calendar = contract(date(2026, 1, 15), "CALENDAR_YEAR")
    assert window_at(utc(2026, 11, 20), QuotaTerms(window="P3M"), calendar, "UTC") == Window(
        utc(2026, 10, 1), utc(2027, 1, 1), "UTC"
    )


@given(TIMES, st.sampled_from([None, "P1D", "P7D", "P1M", "P3M", "P1Y"]), st.sampled_from(["UTC", "Asia/Kolkata"]))
def test_windows_follow_each_other_without_gaps(now: datetime, duration: str | None, time_zone: str) -> None:
    terms, version = QuotaTerms(window=duration), contract(date(2024, 1, 31))
    window = window_at(now, terms, version, time_zone)
    assert window.start <= now < window.end
    assert window_at(window.start, terms, version, time_zone) == window
    assert window_at(window.end - INSTANT, terms, version, time_zone) == window
    assert window_at(window.end, terms, version, time_zone).start == window.end
    assert window_before(window, terms, version, time_zone).end == window.start


@pytest.mark.parametrize(
    ("now", "days", "retry_at", "told"),
    [
        (utc(2026, 11, 10, 12), None, utc(2026, 12, 1), 21),
        (utc(2026, 11, 10, 12), 3, utc(2026, 11, 13, 12), 3),
        (utc(2026, 11, 29, 12), 3, utc(2026, 12, 1), 2),
        (utc(2026, 11, 28), 3, utc(2026, 12, 1), 3),
        (utc(2026, 12, 1) - INSTANT, None, utc(2026, 12, 1), 1),
        (utc(2026, 11, 1), 30, utc(2026, 12, 1), 30),
        (utc(2026, 11, 1), 31, utc(2026, 12, 1), 30),
    ],
)
def test_back_off_lasts_until_the_window_ends_or_the_contracts_days_if_that_is_less(
    now: datetime, days: int | None, retry_at: datetime, told: int
) -> None:
    found = back_off(now, window_at(now, MONTHS, None, "UTC"), QuotaTerms(back_off_days=days))
    assert (found.refused_at, found.retry_at, found.days) == (now, retry_at, told)


@given(TIMES, st.none() | st.integers(1, 3660))
def test_nobody_backs_off_for_longer_than_either(now: datetime, days: int | None) -> None:
    window = window_at(now, MONTHS, None, "UTC")
    found = back_off(now, window, QuotaTerms(back_off_days=days))
    assert now < found.retry_at <= window.end
    assert 1 <= found.days <= 31
    assert found.retry_at == window.end or found.retry_at == now + (days or 0) * DAY
