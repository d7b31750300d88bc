"""The calendar intervals that a range of days is divided into. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from allowance.license import Period

from core.consumption.intervals import Interval

_DAY: Final = timedelta(days=1)


class DayRange(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    def in_zone(self, time_zone: str) -> Period:
        """Return the days as a period of a time zone."""
        return Period(self.first, self.last + _DAY, time_zone)


def divide_range(days: DayRange, interval: Interval) -> Iterator[DayRange]:
    """Yield the calendar intervals of a range in order. The first and the last one are cut to the range."""
    first = days.first
    while first <= days.last:
        following = _next_first(first, interval)
        yield DayRange(first, min(following - _DAY, days.last))
        first = following


def _next_first(day: date, interval: Interval) -> date:
    """Return the first day of the interval after that of a day. Weeks begin on Monday."""
    if interval is Interval.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + (_DAY if interval is Interval.DAY else timedelta(days=7 - day.weekday()))
