"""The read-only interface through which a meter sees usage."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from allowance.exact import exact
from allowance.license import Period, midnight

_INSTANT: Final = timedelta(microseconds=1)
_NOTHING: Final = Decimal(0)
_FEW: Final = 8
"""Amounts that are added up sooner than the sums of all are made."""


@dataclass(frozen=True, slots=True)
class SumCell:
    """What was counted of one event type, entity and set of dimensions on the days `first` to `last`."""

    event: str
    first: date
    last: date
    amount: Decimal
    entity: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class LevelCell:
    """Where a level stood at the end of `day`, for one entity and set of dimensions."""

    event: str
    day: date
    value: Decimal
    entity: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits granted to a license, or to one of its entities. Days are those of `time_zone`.

    `meter` is the key of the meter of credits that it is for; None where it is for any.
    """

    id: str
    amount: Decimal
    granted_at: datetime
    expires_at: datetime | None = None
    entity: str | None = None
    time_zone: str = "UTC"
    meter: str | None = None

    @property
    def first_day(self) -> date:
        """The day on which it was made."""
        return self.granted_at.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def last_day(self) -> date:
        """The last day on which anything can be taken from it."""
        if self.expires_at is None:
            return date.max
        return (self.expires_at - _INSTANT).astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class AdmittedCell:
    """How many distinct identifiers the meter of admission `meter` admitted in a quota window on `day`."""

    meter: str
    window: Period
    day: date
    count: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many distinct identifiers have a place in a quota window."""

    window: Period
    count: int


class Series:
    """One event type, entity and set of dimensions over time: the cells' days, in order, and their amounts.

    A cell of a level has its day twice.
    """

    __slots__ = ("_running", "dimensions", "entity", "firsts", "lasts", "values")

    def __init__(
        self, entity: str, dimensions: Mapping[str, str], firsts: list[date], lasts: list[date], values: list[Decimal]
    ) -> None:
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
                self._running = list(accumulate(self.values, initial=_NOTHING))
        return self._running

    def total(self, first: date, last: date) -> Decimal | None:
        """The sum over the days `first` to `last`, both included; None where a cell lies across their bounds."""
        begin = bisect_left(self.firsts, first)
        end = bisect_right(self.firsts, last)
        if (begin and self.lasts[begin - 1] >= first) or (end > begin and self.lasts[end - 1] > last):
            return None
        if end - begin <= _FEW:
            return sum(self.values[begin:end], _NOTHING)
        return self.running[end] - self.running[begin]

    def latest(self, day: date) -> Decimal | None:
        index = bisect_right(self.firsts, day)
        return self.values[index - 1] if index else None

    def key(self, dimension: str) -> str:
        return self.entity if dimension == "entity" else self.dimensions.get(dimension, "")


class Usage:
    """What a license used, as it stood at the instant `at`; `day` is its day in the license's time zone.

    A refresh measures now; where the past is measured again, `at` is the last instant of the day. Nothing
    after `day` is seen; of the day itself, all that is known. Sums over other periods than the billing
    period need the days that the meter's `days` asks for, and raise LookupError beyond them.

    `loaded_from` tells what was not loaded from what was not used: for an event type, the first day that is
    there. All days are there of a type that it does not name.

    Amounts are exact decimals. Raises ValueError where `at` has no time zone.
    """

    def __init__(
        self,
        at: datetime,
        time_zone: str = "UTC",
        *,
        sums: Iterable[SumCell] = (),
        levels: Iterable[LevelCell] = (),
        grants: Iterable[Grant] = (),
        admitted: Iterable[AdmittedCell] = (),
        loaded_from: Mapping[str, date] = MappingProxyType({}),
    ) -> None:
        self._set(
            at,
            time_zone,
            _series((cell.event, cell.entity, cell.dimensions, cell.first, cell.last, cell.amount) for cell in sums),
            _series((cell.event, cell.entity, cell.dimensions, cell.day, cell.day, cell.value) for cell in levels),
            grants,
            admitted,
            loaded_from,
        )

    @classmethod
    def of_series(
        cls,
        at: datetime,
        time_zone: str,
        *,
        sums: Mapping[str, Sequence[Series]],
        levels: Mapping[str, Sequence[Series]],
        grants: Iterable[Grant],
        admitted: Iterable[AdmittedCell],
        loaded_from: Mapping[str, date],
    ) -> "Usage":
        """The same of series by event type: for the engine, which has them at hand."""
        usage = object.__new__(cls)
        usage._set(at, time_zone, sums, levels, grants, admitted, loaded_from)
        return usage

    def _set(
        self,
        at: datetime,
        time_zone: str,
        sums: Mapping[str, Sequence[Series]],
        levels: Mapping[str, Sequence[Series]],
        grants: Iterable[Grant],
        admitted: Iterable[AdmittedCell],
        loaded_from: Mapping[str, date],
    ) -> None:
        if at.tzinfo is None:
            raise ValueError("the instant of a measurement needs a time zone, as datetime.now(UTC)")
        self.at = at
        self.time_zone = time_zone
        self.day = at.astimezone(ZoneInfo(time_zone)).date()
        self._sums = sums
        self._levels = levels
        self._grants: Sequence[Grant] = tuple(grants)
        self._admitted: Sequence[AdmittedCell] = tuple(admitted)
        self.loaded_from = MappingProxyType(dict(loaded_from))

    def as_of(self, day: date) -> "Usage":
        """The same usage as it stood at the end of an earlier day; a later day shows no more than there is."""
        view = object.__new__(Usage)
        view.__dict__.update(self.__dict__)
        if day < self.day:
            view.at = midnight(day + timedelta(days=1), self.time_zone) - _INSTANT
            view.day = day
        return view

    def total(self, event: str, period: Period, *, entity: str | None = None) -> Decimal:
        """What was counted of `event` in `period` up to the day of the measurement.

        With `entity` only what that entity used. Raises LookupError where the days were not loaded.
        """
        with exact():
            return sum(
                (amount for series, amount in self._totals(event, period) if entity in (None, series.entity)),
                Decimal(0),
            )

    def totals(self, event: str, period: Period, *, by: str) -> dict[str, Decimal]:
        """The same, by the values of a dimension, or by ``entity``. Usage that named no value is under ``""``."""
        return _added_up((series.key(by), amount) for series, amount in self._totals(event, period))

    def daily(self, event: str, *, by: str) -> dict[date, dict[str, Decimal]]:
        """What was counted on each day up to the day of the measurement, by a dimension's values.

        The days are those that the meter's `days` asks for, at the least; one on which nothing was counted
        is not among them. Raises LookupError where no single days were loaded.
        """
        found: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
        for series in self._sums.get(event, ()):
            for first, last, amount in zip(series.firsts, series.lasts, series.values, strict=True):
                if first > self.day:
                    break
                if first < last:
                    raise _not_loaded(event, "by day")
                found[first].append((series.key(by), amount))
        return {day: _added_up(parts) for day, parts in sorted(found.items())}

    def level(self, event: str, *, entity: str | None = None, on: date | None = None) -> Decimal | None:
        """The newest values of a level added up over entities and dimensions; None where none was reported.

        With `on` as they stood at the end of that day. Raises LookupError where that day was not loaded.
        """
        values = [value for series, value in self._latest(event, on) if entity in (None, series.entity)]
        if len(values) < 2:
            return values[0] if values else None
        with exact():
            return sum(values, _NOTHING)

    def levels(self, event: str, *, by: str, on: date | None = None) -> dict[str, Decimal]:
        """The same, by the values of a dimension, or by ``entity``."""
        return _added_up((series.key(by), value) for series, value in self._latest(event, on))

    def inventory(self, event: str, *, on: date | None = None) -> list[LevelCell]:
        """Every single level as it stood at the end of a day, by entity and dimensions, not added up."""
        day = min(on, self.day) if on else self.day
        return [
            LevelCell(event, day, value, series.entity, series.dimensions) for series, value in self._latest(event, on)
        ]

    def grants(self, meter: str | None = None) -> tuple[Grant, ...]:
        """Every grant made up to the instant of the measurement, also those that expired since.

        With the key of a `meter` those for it alone.
        """
        return tuple(
            grant
            for grant in self._grants
            if grant.granted_at <= self.at and (meter is None or grant.meter in (None, meter))
        )

    def admitted(self, meter: str) -> Admitted | None:
        """What a meter of admission admitted in the quota window of the measurement; None where none is known."""
        begun = [cell for cell in self._admitted if cell.meter == meter and cell.window.starts_at <= self.at]
        if not begun:
            return None
        window = max((cell.window for cell in begun), key=lambda window: (window.starts_at, window.ends_at))
        if window.ends_at <= self.at:
            return None
        return Admitted(window, sum(cell.count for cell in begun if cell.window == window and cell.day <= self.day))

    @property
    def origin(self) -> int:
        """The same number for all views of one usage, while it lives."""
        return id(self._sums)

    def cells(self) -> Iterator[SumCell | LevelCell | Grant | AdmittedCell]:
        """All that it was made from, also of later days: for the engine, to carry it elsewhere."""
        for event, found in self._sums.items():
            for one in found:
                for first, last, value in zip(one.firsts, one.lasts, one.values, strict=True):
                    yield SumCell(event, first, last, value, one.entity, one.dimensions)
        for event, found in self._levels.items():
            for one in found:
                for day, value in zip(one.firsts, one.values, strict=True):
                    yield LevelCell(event, day, value, one.entity, one.dimensions)
        yield from self._grants
        yield from self._admitted

    def _totals(self, event: str, period: Period) -> Iterable[tuple[Series, Decimal]]:
        last = min(period.end - timedelta(days=1), self.day)
        if last < period.first:
            return
        self._check_loaded(event, period.first)
        for series in self._sums.get(event, ()):
            amount = series.total(period.first, last)
            if amount is None:
                raise _not_loaded(event, f"from {period.first} to {last}")
            yield series, amount

    def _latest(self, event: str, on: date | None) -> Iterable[tuple[Series, Decimal]]:
        day = min(on, self.day) if on else self.day
        self._check_loaded(event, day)
        for series in self._levels.get(event, ()):
            value = series.latest(day)
            if value is not None:
                yield series, value

    def _check_loaded(self, event: str, first: date) -> None:
        if first < self.loaded_from.get(event, date.min):
            raise _not_loaded(event, f"of {first}")


def _added_up(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    with exact():
        for key, amount in parts:
            known = found.get(key)
            found[key] = amount if known is None else known + amount
    return dict(sorted(found.items()))


def _not_loaded(event: str, what: str) -> LookupError:
    return LookupError(f"{event} {what} is not loaded; set `days` on the meter to have more of the past")


def _series(
    cells: Iterable[tuple[str, str, Mapping[str, str], date, date, Decimal]],
) -> dict[str, list[Series]]:
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
    for event, entity, dimensions, first, last, value in sorted(cells, key=lambda cell: cell[3]):
        key = (event, entity, tuple(sorted(dimensions.items())))
        if key not in found:
            found[key] = Series(entity, dimensions, [], [], [])
        found[key].firsts.append(first)
        found[key].lasts.append(last)
        found[key].values.append(value)
    by_event: dict[str, list[Series]] = defaultdict(list)
    for (event, _, _), series in sorted(found.items(), key=lambda item: item[0]):
        by_event[event].append(series)
    return dict(by_event)
