"""The usual window: how a hard quota fills, from the windows before it. Pure.

Installations that call home take most places in the first days of a window, so no week of a window is like another.
What is left of a window is forecast from the same days of the windows before, in the proportion in which this one
filled so far.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import sqrt
from typing import Final

from core.forecast.outlook import Outlook, OutlookPoint, make_outlook, point_days

_DEVIATIONS: Final = 1.15
_PROPORTION: Final = 4.0
"""The most by which a window may differ from those before it; the first hours of a window tell little."""
_ALONE: Final = 0.5
"""The standard deviation, as a part of what is expected, if there was a single window before."""


def make_window_outlook(increments: Sequence[float], starts: Sequence[date], day: date, until: date) -> Outlook | None:
    """Return the outlook of a hard quota.

    Args:
        increments: How many places were taken on each day of the history, up to the day before `day`.
        starts: The first days of the windows that began within the history, oldest first. The last is the window of
            `day`.
        day: The first day that is forecast.
        until: The day after the window's last.

    Returns:
        The outlook. Without a whole window in the history, it is that of a counter that began with this window. None if
        less is known.
    """
    first = day.toordinal() - len(increments)
    bounds = [start.toordinal() - first for start in starts]
    present = list(increments[bounds[-1] :]) if bounds and bounds[-1] < len(increments) else []
    whole = [increments[begin:end] for begin, end in pairwise(bounds)]
    windows = [window for window in whole if any(window)]
    if not windows:
        return make_outlook(present, day, until, counted=True)
    age, taken = len(present), sum(present)
    before = [sum(window[:age]) for window in windows]
    points, low, above, expected = [], 0.0, 0.0, 0.0
    for days in point_days((until - day).days):
        rests = [
            sum(window[age : age + days]) * _proportion(taken, used)
            for window, used in zip(windows, before, strict=True)
        ]
        mean = sum(rests) / len(rests)
        deviation = _DEVIATIONS * max(_deviation(rests, mean), sqrt(mean))
        expected = max(expected, mean)
        low, above = max(low, expected - deviation), max(above, deviation)
        points.append(OutlookPoint(days, expected, low, expected + above))
    return Outlook(day, until, starts[0], tuple(points))


def _proportion(taken: float, before: float) -> float:
    """Return how much fuller this window is than an earlier one at the same age."""
    if before <= 0:
        return 1.0
    return min(max(taken / before, 1 / _PROPORTION), _PROPORTION)


def _deviation(rests: Sequence[float], mean: float) -> float:
    """Return the standard deviation of a next window from those before."""
    number = len(rests)
    if number == 1:
        return _ALONE * mean
    return sqrt(sum((rest - mean) ** 2 for rest in rests) / (number - 1) * (1 + 1 / number))
