"""The thinning of history: which rows of the past stay, and which rows a newer row supersedes. Pure."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.consumption.history import ThinnedRange, TimeRange
from core.licenses.load import LoadedLicense

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class HistoryRetention:
    """For how many days history keeps the last refresh of every hour, and the end of every day.

    Of older history only the end of each month stays.
    """

    hourly: int = 35
    daily: int = 1_100


def thin_history(license: LoadedLicense, since: date, retention: HistoryRetention) -> Iterable[ThinnedRange]:
    """Yield the weeks that have grown old since the day `since`, the day of the last refresh.

    A week is thinned as a whole, so that no half-empty pages stay behind. Licenses thin on different days of the week.
    """
    for number in range(1, (license.today - since).days + 1):
        today = since + number * _DAY
        if (today.toordinal() + license.id) % _WEEK:
            continue
        yield _thin_week(license, today - retention.hourly * _DAY, lambda day: True)
        yield _thin_week(license, today - retention.daily * _DAY, lambda day: (day + _DAY).day == 1)


def superseded_hour(license: LoadedLicense, now: datetime, meters: Collection[str]) -> TimeRange | None:
    """Return the range that a row at `now` supersedes: no reader sees intervals shorter than an hour of local time.

    Returns:
        The hour up to `now`, or None if the clocks change within that hour.
    """
    local = now.astimezone(ZoneInfo(license.license.time_zone))
    begin = now - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    if begin.astimezone(local.tzinfo).utcoffset() != local.utcoffset():
        return None
    return TimeRange(license.id, begin - _INSTANT, now - _INSTANT, meters)


def _thin_week(license: LoadedLicense, end: date, keeps: Callable[[date], bool]) -> ThinnedRange:
    """Thin the seven days before `end` to the ends of those days that `keeps` names."""
    days = [end - past * _DAY for past in range(_WEEK, 0, -1)]
    week = TimeRange(license.id, license.end_of(days[0] - _DAY), license.end_of(days[-1]))
    return ThinnedRange(week, frozenset(license.end_of(day) for day in days if keeps(day)))
