"""The daily history of a meter: how much each day added to its usage, from the usage at the ends of days. Pure."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TypeAlias

PeriodOf: TypeAlias = Callable[[date], date | None]
"""Returns the first day of the period of a day, in which usage began at zero; None for usage that never begins anew."""

_DAY = timedelta(days=1)


def daily_increments(day_ends: Mapping[date, float], period_of: PeriodOf) -> tuple[float, ...]:
    """Return how much each day added, from the second known day up to the last.

    What the first known day added is not known, since earlier usage may be in it. Days whose end is not known share
    evenly what was added until the next one. A first day of a period adds all of its usage.

    Args:
        day_ends: The usage at the ends of days, oldest first.
        period_of: The period of a day.
    """
    increments: list[float] = []
    before: tuple[date, float] | None = None
    for day, used in day_ends.items():
        if before is not None:
            last, known = before
            first = period_of(day)
            if first is not None and first > last:
                rate = used / ((day - first).days + 1)
            else:
                rate = (used - known) / (day - last).days
            increments += [rate] * (day - last).days
        before = day, used
    return tuple(increments)
