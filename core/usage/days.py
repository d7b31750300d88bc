"""The days of a license's time zone, as the ledger and the rollups count them: since 1970."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from core.times import EPOCH

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_QUARTER: Final = 900_000_000
"""Microseconds of a quarter of an hour, within which a day rarely turns: most zones turn it on one."""


def local_day(time_zone: str, time: int) -> int:
    """The day, in the time zone, of an instant in microseconds since 1970."""
    day = _day_of_quarter(time_zone, time // _QUARTER)
    return _day(time_zone, time) if day is None else day


@lru_cache(maxsize=65_536)
def _day_of_quarter(time_zone: str, quarter: int) -> int | None:
    """The day that a quarter of an hour lies in; None where one turns within it."""
    first, last = _day(time_zone, quarter * _QUARTER), _day(time_zone, (quarter + 1) * _QUARTER - 1)
    return first if first == last else None


def _day(time_zone: str, time: int) -> int:
    instant = EPOCH + timedelta(microseconds=time)
    return instant.astimezone(ZoneInfo(time_zone)).toordinal() - EPOCH_DAY
