"""Series of usage: the cells of one event type, entity and set of dimensions, in the order of their days."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from allowance.cells import LevelCell, SumCell
from allowance.exact import exact

_ZERO: Final = Decimal(0)
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
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
        starts: The instant from which each cell counts, by its index, for the later parts of days that are divided.
    """

    __slots__ = ("_has_negative", "_running", "dimensions", "entity", "firsts", "lasts", "starts", "values")

    def __init__(
        self,
        entity: str,
        dimensions: Mapping[str, str],
        firsts: list[date],
        lasts: list[date],
        values: list[Decimal],
        starts: Mapping[int, datetime] = MappingProxyType({}),
    ) -> None:
        """Create a series from lists of equal length; the series keeps the lists and does not copy them."""
        self.entity = entity
        self.dimensions = dimensions
        self.firsts = firsts
        self.lasts = lasts
        self.values = values
        self.starts = starts
        self._running: list[Decimal] | None = None
        self._has_negative: bool | None = None

    @property
    def running(self) -> list[Decimal]:
        """The sums of the first 0, 1, 2, … amounts."""
        if self._running is None:
            with exact():
                self._running = list(accumulate(self.values, initial=_ZERO))
        return self._running

    @property
    def has_negative(self) -> bool:
        """True if an amount is below 0, as corrections can make it."""
        if self._has_negative is None:
            self._has_negative = min(self.values, default=_ZERO) < 0
        return self._has_negative

    def total(self, first: date, last: date) -> Decimal | None:
        """Return the sum over the days `first` to `last`, both included.

        Returns:
            The sum, or None if a cell lies only partly within these days, so that the sum is not known.
        """
        begin = bisect_left(self.firsts, first)
        end = bisect_right(self.firsts, last)
        if (begin and self.lasts[begin - 1] >= first) or (end > begin and self.lasts[end - 1] > last):
            return None
        return self.sum_of(begin, end)

    def sum_of(self, begin: int, end: int) -> Decimal:
        """Return the sum of the cells from the index `begin` up to but not including `end`."""
        if end - begin <= _FEW:
            return sum(self.values[begin:end], _ZERO)
        return self.running[end] - self.running[begin]

    def index_at(self, day: date, at: datetime | None) -> int | None:
        """Return the index of the first cell that counts from an instant on or later.

        Args:
            day: The day of the instant.
            at: The instant; None for the beginning of the day.

        Returns:
            The index, or None if an earlier cell covers that day as well, so that it cannot be divided.
        """
        index = bisect_left(self.firsts, day)
        if index and self.firsts[index - 1] < day <= self.lasts[index - 1]:
            return None
        while at is not None and index < len(self.firsts) and self.firsts[index] == day:
            starts_at = self.starts.get(index)
            if starts_at is not None and starts_at >= at:
                break
            index += 1
        return index

    def latest(self, day: date) -> Decimal | None:
        """Return the newest value up to the end of `day`, or None if none was reported by then."""
        index = bisect_right(self.firsts, day)
        return self.values[index - 1] if index else None

    def key(self, dimension: str) -> str:
        """Return the value of a dimension, or of ``entity``; ``""`` if the events named none."""
        return self.entity if dimension == "entity" else self.dimensions.get(dimension, "")


def series_of_sums(cells: Iterable[SumCell]) -> dict[str, list[Series]]:
    """Return the series of the cells by event type."""
    return _series(
        (cell.event, cell.entity, cell.dimensions, cell.first, cell.last, cell.amount, cell.starts_at) for cell in cells
    )


def series_of_levels(cells: Iterable[LevelCell]) -> dict[str, list[Series]]:
    """Return the series of the cells by event type."""
    return _series((cell.event, cell.entity, cell.dimensions, cell.day, cell.day, cell.value, None) for cell in cells)


def _series(
    cells: Iterable[tuple[str, str, Mapping[str, str], date, date, Decimal, datetime | None]],
) -> dict[str, list[Series]]:
    by_key: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
    starts_of: dict[tuple[str, str, tuple[tuple[str, str], ...]], dict[int, datetime]] = {}
    ordered = sorted(cells, key=lambda cell: (cell[3], cell[6] or _BEFORE_ALL))
    for event, entity, dimensions, first, last, value, starts_at in ordered:
        key = (event, entity, tuple(sorted(dimensions.items())))
        if key not in by_key:
            starts_of[key] = {}
            by_key[key] = Series(entity, dimensions, [], [], [], starts_of[key])
        if starts_at is not None:
            starts_of[key][len(by_key[key].firsts)] = starts_at
        by_key[key].firsts.append(first)
        by_key[key].lasts.append(last)
        by_key[key].values.append(value)
    by_event: dict[str, list[Series]] = defaultdict(list)
    for (event, _, _), series in sorted(by_key.items(), key=lambda item: item[0]):
        by_event[event].append(series)
    return dict(by_event)
