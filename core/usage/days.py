"""The days of a license's time zone, counted since 1970 as in the ledger and the rollups."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from core.times import EPOCH

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_QUARTER: Final = 900_000_000
"""Microseconds of a quarter of an hour. In almost all zones, days begin at the start of a quarter."""


def local_day(time_zone: str, time: int) -> int:
    """Return the day, in the time zone, of an instant in microseconds since 1970."""
    day = _day_of_quarter(time_zone, time // _QUARTER)
    return _day(time_zone, time) if day is None else day


@lru_cache(maxsize=65_536)
def _day_of_quarter(time_zone: str, quarter: int) -> int | None:
    """Return the day of a quarter of an hour, or None if a day begins within it."""
    first, last = _day(time_zone, quarter * _QUARTER), _day(time_zone, (quarter + 1) * _QUARTER - 1)
    return first if first == last else None


def _day(time_zone: str, time: int) -> int:
    instant = EPOCH + timedelta(microseconds=time)
    return instant.astimezone(ZoneInfo(time_zone)).toordinal() - EPOCH_DAY
