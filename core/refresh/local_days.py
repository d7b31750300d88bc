"""The days of a license on which instants fall."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from core.licenses.load import LoadedLicense


def local_days(license: LoadedLicense, earlier: timedelta = timedelta()) -> Callable[[datetime], date]:
    """Return a function from an instant to its day in the license's time zone, `earlier` before the instant.

    The function remembers its results, since most readings of a license share their instants.
    """
    zone = ZoneInfo(license.license.time_zone)

    @cache
    def day_of(instant: datetime) -> date:
        return (instant - earlier).astimezone(zone).date()

    return day_of
