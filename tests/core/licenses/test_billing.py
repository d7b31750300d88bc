"""Billing periods at the calendar's corners."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from allowance import Period
from allowance.license import midnight
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE, InvalidDuration, billing_period, parse_billing_period

DURATIONS = ("P1Y", "P4Y", "P1M", "P3M", "P5M", "P18M", "P1Y6M", "P1W", "P2W", "P1D", "P30D", "P100Y", "P36600D")
DAYS = st.dates(date(1970, 1, 1), date(2199, 12, 31))
ZONES = (
    "UTC",
    "Europe/Brussels",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Tehran",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)


def period(day: date, starts_on: date, duration: str = "P1Y", anchor: str = CONTRACT_DATE) -> tuple[date, date]:
    found = billing_period(day, starts_on, duration, anchor, "UTC")
    return found.first, found.end


@pytest.mark.parametrize(
    ("day", "first", "end"),
    [
        (date(2024, 2, 28), date(2023, 2, 28), date(2024, 2, 29)),
        (date(2024, 2, 29), date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 2, 27), date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 2, 28), date(2025, 2, 28), date(2026, 2, 28)),
        (date(2027, 12, 31), date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 28), date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_a_year_from_29_february_falls_back_to_the_28th_and_returns(day: date, first: date, end: date) -> None:
    assert period(day, date(2024, 2, 29)) == (first, end)


@pytest.mark.parametrize(
    ("day", "first", "end"),
    [
        (date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31)),
        (date(2026, 3, 30), date(2026, 2, 28), date(2026, 3, 31)),
        (date(2026, 3, 31), date(2026, 3, 31), date(2026, 4, 30)),
        (date(2026, 4, 30), date(2026, 4, 30), date(2026, 5, 31)),
        (date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 31)),
        (date(2025, 12, 30), date(2025, 11, 30), date(2025, 12, 31)),
    ],
)
def test_months_from_the_31st_fall_back_to_the_last_day_and_return(day: date, first: date, end: date) -> None:
    assert period(day, date(2026, 1, 31), "P1M") == (first, end)


@pytest.mark.parametrize(
    ("duration", "day", "first", "end"),
    [
        ("P1W", date(2026, 3, 9), date(2026, 3, 5), date(2026, 3, 12)),
        ("P1W", date(2026, 3, 12), date(2026, 3, 12), date(2026, 3, 19)),
        ("P2W", date(2026, 3, 1), date(2026, 2, 19), date(2026, 3, 5)),
        ("P30D", date(2026, 4, 3), date(2026, 3, 5), date(2026, 4, 4)),
        ("P30D", date(2026, 4, 4), date(2026, 4, 4), date(2026, 5, 4)),
        ("P1D", date(2026, 7, 1), date(2026, 7, 1), date(2026, 7, 2)),
        ("P1Y6M", date(2026, 3, 5), date(2026, 3, 5), date(2027, 9, 5)),
        ("P18M", date(2027, 9, 5), date(2027, 9, 5), date(2029, 3, 5)),
    ],
)
def test_durations_in_days_weeks_and_months(duration: str, day: date, first: date, end: date) -> None:
    assert period(day, date(2026, 3, 5), duration) == (first, end)


@pytest.mark.parametrize(
    ("day", "first", "end"),
    [
        (date(2026, 6, 30), date(2026, 6, 30), date(2026, 9, 30)),
        (date(2026, 6, 29), date(2026, 3, 30), date(2026, 6, 30)),
        (date(2026, 3, 29), date(2025, 12, 30), date(2026, 3, 30)),
        (date(2020, 6, 29), date(2020, 3, 30), date(2020, 6, 30)),
    ],
)
def test_periods_run_backwards_from_the_anchor_as_well(day: date, first: date, end: date) -> None:
    assert period(day, date(2026, 6, 30), "P3M") == (first, end)


@pytest.mark.parametrize(
    ("duration", "day", "first", "end"),
    [
        ("P1Y", date(2026, 1, 1), date(2026, 1, 1), date(2027, 1, 1)),
        ("P1Y", date(2025, 12, 31), date(2025, 1, 1), date(2026, 1, 1)),
        ("P1Y", date(2024, 5, 6), date(2024, 1, 1), date(2025, 1, 1)),
        ("P3M", date(2026, 6, 30), date(2026, 4, 1), date(2026, 7, 1)),
        ("P2Y", date(2027, 1, 1), date(2026, 1, 1), date(2028, 1, 1)),
    ],
)
def test_calendar_year_counts_from_1_january_of_the_contracts_year(
    duration: str, day: date, first: date, end: date
) -> None:
    assert period(day, date(2026, 6, 30), duration, CALENDAR_YEAR) == (first, end)


@given(DAYS, DAYS, st.sampled_from(DURATIONS), st.sampled_from((CONTRACT_DATE, CALENDAR_YEAR)))
def test_every_day_lies_in_exactly_one_period_and_periods_are_contiguous(
    day: date, starts_on: date, duration: str, anchor: str
) -> None:
    found = billing_period(day, starts_on, duration, anchor, "UTC")

    assert found.first <= day < found.end
    assert day in found
    for inside in (found.first, found.end - timedelta(days=1)):
        assert billing_period(inside, starts_on, duration, anchor, "UTC") == found
    assert billing_period(found.end, starts_on, duration, anchor, "UTC").first == found.end
    assert billing_period(found.first - timedelta(days=1), starts_on, duration, anchor, "UTC").end == found.first


@given(DAYS, DAYS, st.integers(1, 1200))
def test_a_period_of_months_begins_on_the_anchors_day_or_on_the_months_last(
    day: date, starts_on: date, months: int
) -> None:
    first, end = period(day, starts_on, f"P{months}M")

    for begin in (first, end):
        last = (begin.replace(day=1) + relativedelta(months=1) - timedelta(days=1)).day
        assert begin.day == min(starts_on.day, last)
        assert (begin.year * 12 + begin.month - starts_on.year * 12 - starts_on.month) % months == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1Y", relativedelta(years=1)),
        ("P12M", relativedelta(months=12)),
        ("P1Y6M", relativedelta(months=18)),
        ("P2W", relativedelta(days=14)),
        ("P30D", relativedelta(days=30)),
        ("P100Y", relativedelta(years=100)),
        ("P36600D", relativedelta(days=36_600)),
    ],
)
def test_a_duration_is_read(text: str, expected: relativedelta) -> None:
    assert parse_billing_period(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an ISO 8601 duration; write P1Y, P3M or P30D"),
        ("1Y", "is not an ISO 8601 duration"),
        ("P", "is not an ISO 8601 duration"),
        ("P1Y\n", "is not an ISO 8601 duration"),
        ("one year", "is not an ISO 8601 duration"),
        ("PT24H", "is not in whole years, months, weeks or days"),
        ("P1DT1S", "is not in whole years, months, weeks or days"),
        ("P0.5Y", "is not in whole years, months, weeks or days"),
        ("P1,5Y", "is not in whole years, months, weeks or days"),
        ("P1.5M", "is not in whole years, months, weeks or days"),
        ("P1M1D", "mixes months with days"),
        ("P0D", "must be longer than nothing and no longer than 100 years"),
        ("-P1Y", "must be longer than nothing"),
        ("P101Y", "no longer than 100 years"),
        ("P1201M", "no longer than 100 years"),
        ("P36601D", "no longer than 100 years"),
        ("P99999999999999999999999999999999999999Y", "no longer than 100 years"),
        ("P" + "9" * 50 + "Y", "is not an ISO 8601 duration"),
    ],
)
def test_what_is_no_billing_period_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidDuration) as refused:
        parse_billing_period(text)

    assert str(refused.value).startswith(repr(text))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("day", "zone", "first_instant"),
    [
        (date(2026, 1, 1), "Asia/Kolkata", datetime(2025, 12, 31, 18, 30, tzinfo=UTC)),
        (date(2026, 1, 1), "Asia/Kathmandu", datetime(2025, 12, 31, 18, 15, tzinfo=UTC)),
        (date(2026, 1, 1), "America/St_Johns", datetime(2026, 1, 1, 3, 30, tzinfo=UTC)),
        (date(2026, 1, 1), "Pacific/Kiritimati", datetime(2025, 12, 31, 10, tzinfo=UTC)),
        (date(2026, 7, 1), "Australia/Lord_Howe", datetime(2026, 6, 30, 13, 30, tzinfo=UTC)),
        (date(2026, 12, 31), "Australia/Lord_Howe", datetime(2026, 12, 30, 13, tzinfo=UTC)),
        # The clocks go from 23:59:59 to 01:00: the day begins where midnight is skipped.
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        (date(2018, 11, 5), "America/Sao_Paulo", datetime(2018, 11, 5, 2, tzinfo=UTC)),
        (date(2024, 4, 26), "Africa/Cairo", datetime(2024, 4, 25, 22, tzinfo=UTC)),
        (date(2026, 3, 29), "Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
        # The clocks go from 01:00 back to midnight: the day begins at the first of its two midnights.
        (date(2025, 11, 2), "America/Havana", datetime(2025, 11, 2, 4, tzinfo=UTC)),
        # The clocks go from midnight back to 23:00: that hour is the old day's once more.
        (date(2018, 2, 18), "America/Sao_Paulo", datetime(2018, 2, 18, 3, tzinfo=UTC)),
        # Samoa went without this day: it begins where it ends.
        (date(2011, 12, 30), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        (date(2011, 12, 31), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_first_instant_in_the_time_zone(day: date, zone: str, first_instant: datetime) -> None:
    assert midnight(day, zone) == first_instant
    assert Period(day, day + timedelta(days=1), zone).starts_at == first_instant


@given(st.dates(date(2012, 1, 1), date(2037, 12, 31)), st.sampled_from(ZONES))
def test_an_instant_lies_between_the_midnights_of_its_local_day(day: date, zone: str) -> None:
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    instant = timedelta(microseconds=1)

    assert start.astimezone(ZoneInfo(zone)).date() == day
    assert (end - instant).astimezone(ZoneInfo(zone)).date() == day
    assert (start - instant).astimezone(ZoneInfo(zone)).date() == day - timedelta(days=1)
    assert timedelta(hours=23) <= end - start <= timedelta(hours=25)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2011, 2018, 2024, 2026])
def test_the_days_of_a_period_add_up_to_its_length(zone: str, year: int) -> None:
    whole = billing_period(date(year, 6, 1), date(2011, 11, 4), "P1Y", CONTRACT_DATE, zone)
    days = [whole.first + timedelta(days=number) for number in range((whole.end - whole.first).days)]

    lengths = [midnight(day + timedelta(days=1), zone) - midnight(day, zone) for day in days]

    assert len(days) in (365, 366)
    assert sum(lengths, timedelta()) == whole.ends_at - whole.starts_at
    assert all(length >= timedelta() for length in lengths)


def test_a_period_is_at_midnight_in_the_licenses_time_zone() -> None:
    found = billing_period(date(2026, 3, 1), date(2025, 7, 1), "P6M", CONTRACT_DATE, "Europe/Brussels")

    assert found == Period(date(2026, 1, 1), date(2026, 7, 1), "Europe/Brussels")
    assert found.starts_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert found.ends_at == datetime(2026, 6, 30, 22, tzinfo=UTC)
