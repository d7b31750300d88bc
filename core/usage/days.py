"""The days of a license's time zone, counted since 1970 as in the ledger and the rollups."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from core.times import EPOCH

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_QUARTER: Final = 900_000_000
"""Microseconds of a quarter of an hour. In almost all zones, days begin at the start of a quarter."""


def local_day(time_zone: str, time: int) -> int:
    """Return the day, in the time zone, of an instant in microseconds since 1970."""
    day = _day_of_quarter(time_zone, time // _QUARTER)
    return _day(time_zone, time) if day is None else day


class DaySpan(NamedTuple):
    """Instants of one day, from `begin` up to but not including `end`, in microseconds since 1970."""

    begin: int
    end: int
    day: int


def day_spans(time_zone: str, begin: int, end: int) -> Iterator[DaySpan]:
    """Yield the days of a time zone between two instants in microseconds since 1970, in the order of time.

    A day has several spans if the clocks go back over midnight.
    """
    day = local_day(time_zone, begin)
    for quarter in range(begin // _QUARTER, -(-end // _QUARTER)):
        instants = range(max(begin, quarter * _QUARTER), min(end, (quarter + 1) * _QUARTER))
        # A quarter may begin with a minute of the next day, as the clocks go back at one minute past midnight.
        for last in (instants[0], instants[-1]):
            while local_day(time_zone, last) != day:
                passed = range(instants[0], last + 1)
                turn = passed[bisect_left(passed, True, key=lambda time: local_day(time_zone, time) != day)]
                if begin < turn:
                    yield DaySpan(begin, turn, day)
                begin, day = turn, local_day(time_zone, turn)
    yield DaySpan(begin, end, day)


@lru_cache(maxsize=65_536)
def _day_of_quarter(time_zone: str, quarter: int) -> int | None:
    """Return the day of a quarter of an hour, or None if a day begins within it."""
    first, last = _day(time_zone, quarter * _QUARTER), _day(time_zone, (quarter + 1) * _QUARTER - 1)
    return first if first == last else None


def _day(time_zone: str, time: int) -> int:
    instant = EPOCH + timedelta(microseconds=time)
    return instant.astimezone(ZoneInfo(time_zone)).toordinal() - EPOCH_DAY
