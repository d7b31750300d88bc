"""Billing periods: calendar durations from an anchor, at midnight in the license's time zone. Pure."""

from datetime import date, timedelta
from functools import lru_cache

from allowance import Period
from dateutil.relativedelta import relativedelta
from isodate import ISO8601Error, parse_duration

from core.text import shown

CONTRACT_DATE = "CONTRACT_DATE"
CALENDAR_YEAR = "CALENDAR_YEAR"
MAX_MONTHS = 1200
MAX_DAYS = 36_600
LONGEST = 50
"""The most characters of a duration, as numbers of many digits take long to parse."""


class InvalidDuration(ValueError):
    """A text that is no calendar duration a billing period can have; the message states the reason."""


@lru_cache(maxsize=1024)
def parse_billing_period(text: str) -> relativedelta:
    """Parse a duration of ISO 8601 in whole years, months, weeks or days, such as ``P1Y``, ``P3M`` or ``P30D``.

    Raises:
        InvalidDuration: The text is anything else: fractions, hours, zero or less, both months and days, or more than
            a hundred years.
    """
    try:
        duration = parse_duration(
            text if len(text) <= LONGEST and "\n" not in text else "", as_timedelta_if_possible=False
        )
    except (ISO8601Error, OverflowError):
        raise InvalidDuration(f"{shown(text)} is not an ISO 8601 duration; write P1Y, P3M or P30D") from None
    months, days = duration.years * 12 + duration.months, duration.tdelta.days
    whole = duration.years == int(duration.years) and duration.months == int(duration.months)
    if not whole or "T" in text or duration.tdelta != timedelta(days=days):
        raise InvalidDuration(f"{text!r} is not in whole years, months, weeks or days; write P1Y, P3M or P30D")
    if months and days:
        raise InvalidDuration(f"{text!r} mixes months with days; write P1Y, P3M or P30D")
    if not (0 < months <= MAX_MONTHS or 0 < days <= MAX_DAYS):
        raise InvalidDuration(f"{text!r} must be longer than nothing and no longer than 100 years")
    return relativedelta(months=int(months), days=int(days))


@lru_cache(maxsize=65_536)
def billing_period(day: date, starts_on: date, duration: str, anchor: str, time_zone: str) -> Period:
    """Return the billing period that holds `day`.

    The n-th period starts n durations after the anchor, counted from the anchor itself: a start on the 31st or on 29
    February falls back to the last day of a shorter month, and returns to its day afterwards. Periods also run
    backwards from the anchor.
    """
    step = parse_billing_period(duration)
    first = date(starts_on.year, 1, 1) if anchor == CALENDAR_YEAR else starts_on
    index = _guess(day, first, step)
    while _start(first, step, index) > day:
        index -= 1
    while _start(first, step, index + 1) <= day:
        index += 1
    return Period(_start(first, step, index), _start(first, step, index + 1), time_zone)


def _start(anchor: date, step: relativedelta, index: int) -> date:
    return anchor + step * index


def _guess(day: date, anchor: date, step: relativedelta) -> int:
    if step.days:
        return (day - anchor).days // step.days
    months = step.years * 12 + step.months
    return ((day.year - anchor.year) * 12 + day.month - anchor.month) // months
