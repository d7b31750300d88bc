"""Series of usage: the cells of one event type, entity and set of dimensions, in the order of their days."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Final

from allowance.cells import LevelCell, SumCell
from allowance.exact import exact

_ZERO: Final = Decimal(0)
_FEW: Final = 8
"""The number of amounts up to which adding them is faster than computing the running sums."""


class Series:
    """The amounts of one event type, entity and set of dimensions over time.

    Attributes:
        entity: The entity, or ``""`` if the events named none.
        dimensions: The value of each dimension that the events carried.
        firsts: The first day of each cell, ascending.
        lasts: The last day of each cell; equal to `firsts` for levels and for single days.
        values: The amount or the level of each cell.
    """

    __slots__ = ("_running", "dimensions", "entity", "firsts", "lasts", "values")

    def __init__(
        self, entity: str, dimensions: Mapping[str, str], firsts: list[date], lasts: list[date], values: list[Decimal]
    ) -> None:
        """Create a series from lists of equal length; the series keeps the lists and does not copy them."""
        self.entity = entity
        self.dimensions = dimensions
        self.firsts = firsts
        self.lasts = lasts
        self.values = values
        self._running: list[Decimal] | None = None

    @property
    def running(self) -> list[Decimal]:
        """The sums of the first 0, 1, 2, … amounts."""
        if self._running is None:
            with exact():
                self._running = list(accumulate(self.values, initial=_ZERO))
        return self._running

    def total(self, first: date, last: date) -> Decimal | None:
        """Return the sum over the days `first` to `last`, both included.

        Returns:
            The sum, or None if a cell lies only partly within these days, so that the sum is not known.
        """
        begin = bisect_left(self.firsts, first)
        end = bisect_right(self.firsts, last)
        if (begin and self.lasts[begin - 1] >= first) or (end > begin and self.lasts[end - 1] > last):
            return None
        if end - begin <= _FEW:
            return sum(self.values[begin:end], _ZERO)
        return self.running[end] - self.running[begin]

    def latest(self, day: date) -> Decimal | None:
        """Return the newest value up to the end of `day`, or None if none was reported by then."""
        index = bisect_right(self.firsts, day)
        return self.values[index - 1] if index else None

    def key(self, dimension: str) -> str:
        """Return the value of a dimension, or of ``entity``; ``""`` if the events named none."""
        return self.entity if dimension == "entity" else self.dimensions.get(dimension, "")


def series_of_sums(cells: Iterable[SumCell]) -> dict[str, list[Series]]:
    """Return the series of the cells by event type."""
    return _series((cell.event, cell.entity, cell.dimensions, cell.first, cell.last, cell.amount) for cell in cells)


def series_of_levels(cells: Iterable[LevelCell]) -> dict[str, list[Series]]:
    """Return the series of the cells by event type."""
    return _series((cell.event, cell.entity, cell.dimensions, cell.day, cell.day, cell.value) for cell in cells)


def _series(
    cells: Iterable[tuple[str, str, Mapping[str, str], date, date, Decimal]],
) -> dict[str, list[Series]]:
    by_key: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
    for event, entity, dimensions, first, last, value in sorted(cells, key=lambda cell: cell[3]):
        key = (event, entity, tuple(sorted(dimensions.items())))
        if key not in by_key:
            by_key[key] = Series(entity, dimensions, [], [], [])
        by_key[key].firsts.append(first)
        by_key[key].lasts.append(last)
        by_key[key].values.append(value)
    by_event: dict[str, list[Series]] = defaultdict(list)
    for (event, _, _), series in sorted(by_key.items(), key=lambda item: item[0]):
        by_event[event].append(series)
    return dict(by_event)
