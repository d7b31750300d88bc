"""The spread of a forecast: how far usage may end below and above what is expected, 8 times out of 10. Pure.

The spread is the wider of two: the misses of the same rule in the past over as many days, and the ups and downs of the
last eight weeks, carried on. The first knows what the rule overlooks. The second covers the long horizons, for which
there are few misses, and holds back a rule that was lucky. Neither is enough alone: the misses cover 70 and the ups and
downs 75 of 100 outcomes of the series of ``tests/bench/forecast.py``.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt
from typing import Final, NamedTuple

from core.forecast.usual_week import WEEK, UsualWeek

TESTED: Final = 180
"""Days of the past in which the rule is tested."""
_EVERY: Final = WEEK
"""Days between two tests, which begin on the weekday of today."""
_TESTS: Final = 4
"""The fewest tests from which misses are taken."""
_HORIZONS: Final = (1, 7, 14, 28, 56, 112)
"""Days ahead for which the rule is tested. Those in between get misses in between."""
_OUTSIDE: Final = 0.1
"""The part of outcomes that end below the range, and the part that end above it."""
_DEVIATIONS: Final = 1.15
"""Standard deviations to each side. A tenth of outcomes exceeds 1.28; here the wider of two spreads is taken."""
_DRIFT: Final = 0.5
"""The part of the changes from week to week that stays; the rest evens out."""


class Misses(NamedTuple):
    """The misses of the rule over so many days: the lowest and highest tenth, and the mean.

    For counted usage they are parts of what was expected, otherwise amounts.
    """

    days: int
    tests: int
    low: float
    high: float
    mean: float


def past_misses(sums: Sequence[float], first: int, horizon: int, *, counted: bool) -> list[Misses]:
    """Test the rule on the past, and return its misses by the number of days ahead, fewest days first.

    Args:
        sums: The usage of the first 0, 1, 2, … days, up to today.
        first: The first day from which the rule is tested.
        horizon: The days ahead that are needed.
        counted: Whether the usage is counted.
    """
    today = len(sums) - 1
    found: dict[int, list[float]] = {days: [] for days in _HORIZONS if days <= max(horizon, WEEK)}
    for day in range(today - _EVERY, max(first, today - TESTED) - 1, -_EVERY):
        usual = UsualWeek(sums, day, counted=counted)
        for days, misses in found.items():
            if day + days > today:
                break
            expected, outcome = usual.ahead(days), sums[day + days] - sums[day]
            if not counted:
                misses.append(outcome - expected)
            elif expected > 0:
                misses.append(outcome / expected - 1)
    return [_summary(days, sorted(misses)) for days, misses in found.items() if len(misses) >= _TESTS]


def _summary(days: int, misses: Sequence[float]) -> Misses:
    mean = sum(map(abs, misses)) / len(misses)
    return Misses(days, len(misses), _quantile(misses, _OUTSIDE), _quantile(misses, 1 - _OUTSIDE), mean)


def _quantile(ordered: Sequence[float], part: float) -> float:
    position = part * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


class Spread:
    """The spread below and above what is expected, by the days ahead."""

    def __init__(self, usual: UsualWeek, misses: Sequence[Misses], *, counted: bool) -> None:
        """Prepare the spread from the usual week and the past misses."""
        self._misses = misses
        self._days = [each.days for each in misses]
        self._counted = counted
        self._steady, self._drift = _variances(usual, counted=counted)

    def at(self, days: int, expected: float) -> tuple[float, float]:
        """Return how far usage may end below and above what is expected after so many days; neither is negative."""
        weeks = days / WEEK
        steady, uncertain = self._steady
        usual = _DEVIATIONS * sqrt(steady * weeks + uncertain * weeks * weeks + self._drift * weeks**3)
        low, high = self._miss(days)
        scale = expected if self._counted else 1.0
        return max(usual, -low * scale), max(usual, high * scale)

    def _miss(self, days: int) -> tuple[float, float]:
        """Return the misses for so many days: in between those that were tested, or those of the nearest."""
        if not self._misses:
            return 0.0, 0.0
        index = bisect_left(self._days, days)
        later = self._misses[min(index, len(self._days) - 1)]
        earlier = self._misses[max(index - 1, 0)]
        if later.days <= earlier.days or days >= later.days:
            return later.low, later.high
        part = max(days - earlier.days, 0) / (later.days - earlier.days)
        return earlier.low + (later.low - earlier.low) * part, earlier.high + (later.high - earlier.high) * part


def _variances(usual: UsualWeek, *, counted: bool) -> tuple[tuple[float, float], float]:
    """Return the variances of weeks about their mean and of that mean, and the variance of the drift of the level."""
    weeks, number = usual.weeks, len(usual.weeks)
    about = sum((week - usual.level) ** 2 for week in weeks) / max(number - 1, 1)
    drift = 0.0
    if counted:
        pairs = pairwise(weeks)
        ratios = [log(later / earlier) for later, earlier in pairs if later > 0 < earlier]
        if ratios:
            drift = usual.level**2 * _DRIFT**2 * sum(ratio * ratio for ratio in ratios) / len(ratios) / 3
    return (about, about / min(number, 4)), drift
