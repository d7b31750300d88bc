"""The outlook of a meter: its further usage by day from its daily history, with a range. Pure.

An outlook is made once a day, as its history is of whole days. A forecast is an outlook applied to a reading; see
:mod:`core.forecast.forecast`. Nothing is random, so that the same history always gives the same outlook.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import ceil
from typing import Final, NamedTuple

from core.forecast.spread import TESTED, Misses, Spread, past_misses
from core.forecast.usual_week import WEEK, WEEKS, UsualWeek

LEAST_HISTORY: Final = 14
"""The fewest days with usage behind them that a forecast is made from."""
MOST_HISTORY: Final = TESTED + WEEKS * WEEK
"""The most days of history that make a difference."""
_MOST_POINTS: Final = 32


class OutlookPoint(NamedTuple):
    """The further usage from the beginning of the first day until so many days later: expected, and its range."""

    days: int
    expected: float
    low: float
    high: float


class Accuracy(NamedTuple):
    """By how much the rule missed on average in tests over so many days: a part of what was expected, or an amount."""

    days: int
    tests: int
    miss: float
    is_part: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """The further usage of a meter from the beginning of `day` up to the day `until`, by day.

    Attributes:
        day: The first day that is forecast: history ends the day before.
        until: The day after the last.
        since: The first day of the history.
        points: The further usage after some of the days, at most :data:`_MOST_POINTS`, the last at the end.
        accuracy: How well the rule did in the past over a horizon like this; None if it could not be tested.
    """

    day: date
    until: date
    since: date
    points: tuple[OutlookPoint, ...]
    accuracy: Accuracy | None = None


def make_outlook(
    increments: Sequence[float], day: date, until: date, *, counted: bool, ahead: Sequence[float] = ()
) -> Outlook | None:
    """Return the outlook of a meter.

    Args:
        increments: How much each day of the history added, oldest first, up to the day before `day`.
        day: The first day that is forecast.
        until: The day after the last one, later than `day`.
        counted: Whether the usage is counted, and so grows from day to day. The usage of a level rises and falls.
        ahead: How much each day adds from `day` on, as far as the meter itself knows it. Its accuracy is not tested.

    Returns:
        The outlook, or None if less than :data:`LEAST_HISTORY` days are known since the usage began.
    """
    known = _since_use_began(increments) if counted and any(increments) else increments
    if len(known) < LEAST_HISTORY:
        return None
    sums, horizon = [0.0, *accumulate(map(float, known))], (until - day).days
    usual = UsualWeek(sums, len(known), counted=counted)
    misses = past_misses(sums, LEAST_HISTORY, horizon, counted=counted)
    spread = Spread(usual, misses, counted=counted)
    return Outlook(
        day,
        until,
        day - timedelta(days=len(known)),
        tuple(_widening(_points(_Expected(usual, ahead), spread, horizon), counted=counted)),
        None if ahead else _accuracy(misses, max(horizon, WEEK), counted=counted),
    )


def point_days(horizon: int) -> list[int]:
    """Return the days after which an outlook has a point: every day of a month, every so many weeks of a year."""
    step = 1 if horizon < _MOST_POINTS else ceil(horizon / (_MOST_POINTS - 2) / WEEK) * WEEK
    return [*range(1, horizon, step), horizon]


def _since_use_began(increments: Sequence[float]) -> Sequence[float]:
    """Return the days from the first one with usage on: a meter that only just began does not use little."""
    return increments[next(index for index, increment in enumerate(increments) if increment) :]


def _accuracy(misses: Sequence[Misses], horizon: int, *, counted: bool) -> Accuracy | None:
    """Return the accuracy over the longest horizon that was tested and is no longer than the one needed."""
    tested = [each for each in misses if each.days <= horizon]
    return Accuracy(tested[-1].days, tested[-1].tests, tested[-1].mean, counted) if tested else None


class _Expected:
    """The expected usage by the days ahead: what the meter itself knows, and after it the usual week."""

    def __init__(self, usual: UsualWeek, ahead: Sequence[float]) -> None:
        self._usual = usual
        self._known = [0.0, *accumulate(ahead)]

    def after(self, days: int) -> float:
        """Return the usage of so many days."""
        last = len(self._known) - 1
        if days <= last:
            return self._known[days]
        return self._known[last] + self._usual.ahead(days) - self._usual.ahead(last)


def _points(usage: _Expected, spread: Spread, horizon: int) -> Iterable[OutlookPoint]:
    for days in point_days(horizon):
        expected = usage.after(days)
        below, above = spread.at(days, expected)
        yield OutlookPoint(days, expected, expected - below, expected + above)


def _widening(points: Iterable[OutlookPoint], *, counted: bool) -> Iterable[OutlookPoint]:
    """Yield the points with a range that never narrows, and for counted usage with a growth that never turns back."""
    expected, low, below, above = 0.0, 0.0, 0.0, 0.0
    for point in points:
        below, above = max(below, point.expected - point.low), max(above, point.high - point.expected)
        expected = max(expected, point.expected) if counted else point.expected
        low = max(low, expected - below) if counted else expected - below
        yield OutlookPoint(point.days, expected, low, expected + above)
