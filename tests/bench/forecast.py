"""Forecasts against what came, on public series."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import mean
from time import process_time
from typing import Final

from core.forecast.forecast import ForecastPoint, exceeding, path_of
from core.forecast.outlook import LEAST_HISTORY, MOST_HISTORY, make_outlook
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.bench.public_series import load_public_series

PERIOD: Final = 30
ELAPSED: Final = (3, 7, 15, 22, 27)
"""Days of the period that are over: about 10, 25, 50, 75 and 90 of 100."""
EARLY: Final = ELAPSED[0]
BEGUN: Final = 8 * 7 + LEAST_HISTORY
"""The first period begins after so many days."""
LIMIT: Final = 0.8
"""The part of a period's usage that is its limit where the date of exceeding is forecast."""
DAY: Final = date(2026, 1, 1)
"""The first day of each series; any would do."""
TRIALS: Final = {"flights": 74, "chicago": 86, "page views": 79, "electricity": 85, "bank calls": 94}
"""The coverage of the trials before this was built, in per cent."""


@dataclass(frozen=True)
class Trial:
    """A forecast made so many days into a period, and what came. Errors are parts of the period's usage."""

    error: float
    straight_line: float
    last_week: float
    covered: bool
    width: float
    date_error: float | None
    straight_date_error: float | None
    seconds: float


def run(scale: Scale) -> Iterator[Found]:
    """The error of forecasts of 30 days against those of a straight line and of last week again."""
    every = {"chicago": scale.of(300, 60, 10)}
    trials = {
        name: [trial for days in series.values() for trial in _trials(days, every.get(name, scale.of(30, 10, 5)))]
        for name, series in load_public_series().items()
    }
    everything = [trial for of_set in trials.values() for trial in of_set]
    yield _compare(
        "a straight line through the period so far", "straight_line", trials, everything, "≤ 0.5; 0.41 in the trials"
    )
    yield _compare("last week again", "last_week", trials, everything, "< 1; 0.85 in the trials")
    dates = [(one.date_error, one.straight_date_error) for one in everything if one.date_error is not None]
    ours, line = mean(error for error, _ in dates), mean(error for _, error in dates if error is not None)
    yield Finding(
        f"date on which {LIMIT:.0%} of a month's usage is exceeded, forecast after {EARLY} days, off by",
        "the same by a straight line",
        "days",
        (ours, line),
        [ours / line],
        "≤ 1.5 days; 1.4 and 4.9 days in the trials",
    )
    for name, of_set in trials.items():
        yield Remark(
            f"{name}: the range covers {mean(one.covered for one in of_set):.1%} (trials: {TRIALS[name]} %; aim 75 to "
            f"95 %), its width is {mean(one.width for one in of_set):.1%}; error {_error(of_set, 'error')}, "
            f"straight line {_error(of_set, 'straight_line')}, last week {_error(of_set, 'last_week')}; "
            f"{len(of_set):,} forecasts."
        )
    seconds = sum(one.seconds for one in everything) / len(everything)
    covered = mean(one.covered for one in everything)
    yield Remark(
        f"In all {len(everything):,} forecasts: the range covers {covered:.1%} (trials: 83 %), its width is "
        f"{mean(one.width for one in everything):.1%} (trials: at least 11 %). {seconds * 1000:.2f} ms of one core a "
        f"meter, aim ≤ 1."
    )


def _compare(
    yardstick: str, field: str, trials: Mapping[str, Sequence[Trial]], everything: Sequence[Trial], aim: str
) -> Finding:
    """Return the mean error beside that of another rule; the ratios are of the whole and of each data set."""
    ours, theirs = _mean(everything, "error"), _mean(everything, field)
    by_set = [_mean(of_set, "error") / _mean(of_set, field) for of_set in trials.values()]
    return Finding(
        "mean error of the forecast", yardstick, "%", (100 * ours, 100 * theirs), _around(ours / theirs, by_set), aim
    )


def _around(ratio: float, others: Sequence[float]) -> list[float]:
    """Return numbers whose median is the ratio, with the least and the greatest of the others."""
    return [min(*others, ratio), ratio, max(*others, ratio)]


def _mean(trials: Sequence[Trial], field: str) -> float:
    return mean(getattr(trial, field) for trial in trials)


def _error(trials: Sequence[Trial], field: str) -> str:
    return f"{_mean(trials, field):.1%}"


def _trials(days: Sequence[float], every: int) -> Iterator[Trial]:
    for start in range(BEGUN, len(days) - PERIOD + 1, every):
        period = days[start : start + PERIOD]
        if sum(period) > 0:
            for elapsed in ELAPSED:
                yield _trial(days[max(0, start + elapsed - MOST_HISTORY) : start + elapsed], period, elapsed)


def _trial(history: Sequence[float], period: Sequence[float], elapsed: int) -> Trial:
    today, total, used = DAY + timedelta(days=elapsed), sum(period), sum(period[:elapsed])
    until = DAY + timedelta(days=PERIOD)
    began = process_time()
    outlook = make_outlook(history, today, until, counted=True)
    assert outlook is not None
    path = path_of(outlook, used, _at(today), _at(until), "UTC")
    exceeding(path, LIMIT * total)
    seconds = process_time() - began
    end, line = path[-1], used / elapsed
    week = [history[-7 + number % 7] for number in range(PERIOD - elapsed)]
    early = elapsed == EARLY
    due = _day_of(period, LIMIT * total)
    return Trial(
        abs(end.expected - total) / total,
        abs(line * PERIOD - total) / total,
        abs(used + sum(week) - total) / total,
        end.low <= total <= end.high,
        (end.high - end.low) / total,
        abs(_expected_day(path, LIMIT * total) - due) if early else None,
        abs(min(LIMIT * total / line if line else PERIOD, PERIOD) - due) if early else None,
        seconds,
    )


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _expected_day(path: Sequence[ForecastPoint], limit: float) -> float:
    """Return the day of the period on which the limit is expected to be exceeded, whatever the range; else its end."""
    alone = [point._replace(low=point.expected, high=point.expected) for point in path]
    at = exceeding(alone, limit).at
    return PERIOD if at is None else (at - _at(DAY)) / timedelta(days=1)


def _day_of(period: Sequence[float], limit: float) -> float:
    used = 0.0
    for number, amount in enumerate(period):
        if used + amount > limit:
            return number + (limit - used) / amount
        used += amount
    return PERIOD
