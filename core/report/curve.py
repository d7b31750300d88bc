"""The curve of a report: a bounded number of its days, to draw. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from core.report.day_usage import DayUsage

MOST_POINTS: Final = 60


def curve_of(days: Sequence[DayUsage]) -> list[DayUsage]:
    """Return the days to draw: all of up to 60, else the first, the last, and the highest day of each part in between.

    So the peak is always on the curve.
    """
    if len(days) <= MOST_POINTS:
        return list(days)
    parts, inner = MOST_POINTS - 2, days[1:-1]
    bounds = [len(inner) * number // parts for number in range(parts + 1)]
    highest = [max(inner[start:end], key=lambda one: one.demand) for start, end in pairwise(bounds)]
    return [days[0], *highest, days[-1]]
