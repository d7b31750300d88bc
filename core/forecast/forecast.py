"""The forecast of a reading: its outlook, from the usage now up to the end of its period. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from typing import NamedTuple

from allowance.license import midnight

from core.forecast.outlook import Outlook


class ForecastReason(StrEnum):
    """The reason why a reading has no figures of a forecast."""

    TOO_LITTLE_HISTORY = "TOO_LITTLE_HISTORY"
    NOTHING_TO_FORECAST = "NOTHING_TO_FORECAST"
    PERIOD_OVER = "PERIOD_OVER"
    METER_FAILED = "METER_FAILED"


class ForecastPoint(NamedTuple):
    """The usage at an instant: expected, and the range that holds it 8 times out of 10."""

    at: datetime
    expected: float
    low: float
    high: float


class Exceeding(NamedTuple):
    """The instants at which the limit is exceeded: expected, the earliest and the latest.

    `earliest` is None if the limit is not exceeded within the period at the high end of the range. The others are None
    as well, unless the limit is exceeded at the low end too: there is no date while it may as well be never.
    """

    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a reading, from the instant of its measurement to the end of its period.

    `points` begin with the usage that was measured and end with the period.
    """

    points: tuple[ForecastPoint, ...]
    exceeding: Exceeding

    @property
    def end(self) -> ForecastPoint:
        """The usage at the end of the period."""
        return self.points[-1]

    def at(self, instant: datetime) -> ForecastPoint:
        """Return the usage at an instant; after the end of the forecast that of its end."""
        index = bisect_left(self.points, instant, key=lambda point: point.at)
        if index == len(self.points):
            return self.end
        return _between(self.points[index - 1], self.points[index], instant) if index else self.points[0]


def path_of(outlook: Outlook, used: float, at: datetime, ends_at: datetime, time_zone: str) -> list[ForecastPoint]:
    """Return the usage from an instant up to another, if it goes on as the outlook states.

    Args:
        outlook: The outlook.
        used: The usage at the instant.
        at: The instant. The part of the outlook before it is over, whatever was used in it.
        ends_at: The last instant, later than `at`. Days of the outlook after it are left out.
        time_zone: The time zone of the outlook's days.
    """
    elapsed = _days_since(outlook, at, time_zone)
    gone = _expected(outlook, elapsed)
    path = [ForecastPoint(at, used, used, used)]
    for days, expected, low, high in outlook.points:
        if days <= elapsed:
            continue
        # Less time is left than the range is of: it is narrower, as the root of the time.
        narrower = sqrt((days - elapsed) / days)
        value = used + expected - gone
        point = ForecastPoint(
            midnight(outlook.day + timedelta(days=days), time_zone),
            value,
            value - (expected - low) * narrower,
            value + (high - expected) * narrower,
        )
        if low >= 0:  # what is counted never falls below what was used
            point = point._replace(low=max(point.low, used))
        if point.at >= ends_at:
            path.append(_between(path[-1], point, ends_at))
            return path
        path.append(point)
    return [*path[:-1], path[-1]._replace(at=ends_at)] if len(path) > 1 else [*path, path[0]._replace(at=ends_at)]


def exceeding(path: Sequence[ForecastPoint], limit: float) -> Exceeding:
    """Return when a path exceeds a limit; nothing if it did so from the beginning."""
    if path[0].expected > limit:
        return Exceeding()
    at, low, high = zip(*[(point.at, point.low, point.high) for point in path], strict=True)
    latest, earliest = _reached(at, low, limit), _reached(at, high, limit)
    if latest is None:
        return Exceeding(earliest=earliest)
    return Exceeding(_reached(at, [point.expected for point in path], limit), earliest, latest)


def _reached(times: Sequence[datetime], values: Sequence[float], limit: float) -> datetime | None:
    """Return the first instant at which a line through values is at a limit that it exceeds afterwards."""
    for index, value in enumerate(values):
        if value > limit:
            before = values[index - 1]
            part = (limit - before) / (value - before)
            return times[index - 1] + (times[index] - times[index - 1]) * part
    return None


def _days_since(outlook: Outlook, at: datetime, time_zone: str) -> float:
    """Return the days from the beginning of the outlook to an instant, at least 0, by the clock of the license."""
    begin = midnight(outlook.day, time_zone)
    if at <= begin:
        return 0.0
    whole = (at - begin).days
    day = outlook.day + timedelta(days=whole)
    first, last = midnight(day, time_zone), midnight(day + timedelta(days=1), time_zone)
    return whole + min(max((at - first) / (last - first), 0.0), 1.0)


def _expected(outlook: Outlook, days: float) -> float:
    """Return the further usage that was expected after so many days, in between those of the points."""
    index = bisect_left(outlook.points, days, key=lambda point: point.days)
    if index == len(outlook.points):
        return outlook.points[-1].expected
    later = outlook.points[index]
    earlier_days, earlier = (outlook.points[index - 1][:2]) if index else (0, 0.0)
    return earlier + (later.expected - earlier) * (days - earlier_days) / (later.days - earlier_days)


def _between(earlier: ForecastPoint, later: ForecastPoint, at: datetime) -> ForecastPoint:
    part = (at - earlier.at) / (later.at - earlier.at)
    values = (begin + (end - begin) * part for begin, end in zip(earlier[1:], later[1:], strict=True))
    return ForecastPoint(at, *values)
