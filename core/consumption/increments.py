"""The increments of a history: how much usage each point adds to the point before it. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from allowance import Admission, Meter
from allowance.exact import exact

from core.admission.quota import quota_at
from core.consumption.points import Point
from core.licenses.load import LoadedLicense


def increments(
    license: LoadedLicense, meter: Meter, before: Point | None, points: Sequence[Point]
) -> list[Decimal | None]:
    """Return for each point how much usage it adds.

    The increment counts since the point before, but at most since the beginning of the period in which the point lies,
    where usage begins again at zero. A point without usage counts as zero for the next. So the increments of all points
    of a period add up to the usage of the last of them.

    Args:
        license: The license.
        meter: The meter.
        before: The point before the first of `points`, or None if there is none.
        points: Consecutive points, oldest first.

    Returns:
        The increments. They are negative where a level falls. None for a point without usage.
    """
    earlier = (before, *points[:-1])
    return [_increment(license, meter, previous, point) for previous, point in zip(earlier, points, strict=False)]


def _increment(license: LoadedLicense, meter: Meter, previous: Point | None, point: Point) -> Decimal | None:
    if point.used is None:
        return None
    if previous is None or previous.used is None:
        return point.used
    begins = _period_start(license, meter, point.at)
    if begins is not None and previous.at < begins:
        return point.used
    with exact():
        return point.used - previous.used


def _period_start(license: LoadedLicense, meter: Meter, at: datetime) -> datetime | None:
    """Return the time at which the usage of an instant began at zero, or None if it never begins again."""
    if isinstance(meter, Admission):
        return quota_at(license, meter, at, None).window.start
    if meter.counts_over_period:
        return license.period_on(license.day_of(at)).starts_at
    return None
