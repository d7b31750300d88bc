"""The read-only view through which a meter sees usage."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from allowance.cells import INSTANT, Admitted, AdmittedCell, EntityCell, Grant, LevelCell, SumCell
from allowance.exact import exact
from allowance.license import Period, midnight
from allowance.series import Series, series_of_levels, series_of_sums

_ZERO: Final = Decimal(0)


class Usage:
    """The usage of a license as of an instant.

    A refresh measures the present. Where the past is measured again, the instant is the last one of the day.
    Nothing after the day of the measurement is visible; of that day itself, everything that is known is.

    By default only the totals of the billing period are loaded. Sums over other periods need the single days
    that the meter requests with its `days`; the methods raise LookupError for days that are not loaded, rather
    than return a part of the sum. Amounts are exact decimals.

    Attributes:
        at: The instant of the measurement.
        time_zone: The IANA name of the license's time zone.
        day: The day of `at` in that time zone.
        loaded_from: The first day that is loaded, by event type. All days are loaded of a type that is missing
            here. It tells days without usage from days that were not loaded.
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
        entities: Iterable[EntityCell] = (),
    ) -> None:
        """Create the usage from its cells.

        Args:
            at: The instant of the measurement, with a time zone.
            time_zone: The IANA name of the license's time zone.
            sums: What was counted.
            levels: The levels that were reported.
            grants: All grants of credits, also expired ones.
            admitted: The numbers of admitted and refused identifiers.
            loaded_from: See the class.
            entities: The entities that have a label of their own, or that are closed.

        Raises:
            ValueError: If `at` has no time zone.
        """
        of_levels = series_of_levels(levels)
        self._set(at, time_zone, series_of_sums(sums), of_levels, grants, admitted, loaded_from, entities)

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
        entities: Iterable[EntityCell] = (),
    ) -> "Usage":
        """Create the usage from series by event type instead of cells. For the engine, which has series at hand."""
        usage = object.__new__(cls)
        usage._set(at, time_zone, sums, levels, grants, admitted, loaded_from, entities)
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
        entities: Iterable[EntityCell],
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
        self._entities: Mapping[str, EntityCell] = {entity.name: entity for entity in entities}

    def as_of(self, day: date) -> "Usage":
        """Return a view of this usage as of the end of an earlier day.

        Args:
            day: The day, in the license's time zone. For the day of the measurement or a later one the view shows
                the same as this usage.
        """
        view = object.__new__(Usage)
        view.__dict__.update(self.__dict__)
        if day < self.day:
            view.at = midnight(day + timedelta(days=1), self.time_zone) - INSTANT
            view.day = day
        return view

    def total(self, event: str, period: Period, *, entity: str | None = None) -> Decimal:
        """Return the sum of the quantities of an event type in `period`, up to the day of the measurement.

        Example::

            usage.total("push.sent", contract.period)

        Args:
            event: The event type, of the kind ``counter``.
            period: The days to sum; usually ``contract.period``.
            entity: The only entity to sum; None for all of them.

        Returns:
            The sum, or 0 if corrections take more than was counted.

        Raises:
            LookupError: If days of the period are not loaded.
        """
        with exact():
            total = sum(
                (amount for series, amount in self._totals(event, period) if entity in (None, series.entity)),
                _ZERO,
            )
        return max(total, _ZERO)

    def totals(self, event: str, period: Period, *, by: str) -> dict[str, Decimal]:
        """Return the sums of an event type in `period` by the values of a dimension.

        Example::

            usage.totals("push.sent", contract.period, by="platform")  # {"android": …, "ios": …}

        Args:
            event: The event type, of the kind ``counter``.
            period: The days to sum; usually ``contract.period``.
            by: The key of a dimension, or ``entity``.

        Returns:
            The sum of each value that occurred, 0 where corrections take more than was counted. Usage without a value
            is under ``""``.

        Raises:
            LookupError: If days of the period are not loaded.
        """
        sums = _sum_by_key((series.key(by), amount) for series, amount in self._totals(event, period))
        return {key: max(amount, _ZERO) for key, amount in sums.items()}

    def daily(self, event: str, *, by: str) -> dict[date, dict[str, Decimal]]:
        """Return the sums of an event type for each day up to the day of the measurement.

        Args:
            event: The event type, of the kind ``counter``.
            by: The key of a dimension, or ``entity``.

        Returns:
            The sums by day, then by value of the dimension. Corrections can make the sum of a day negative, so that
            several days add up exactly. Days without usage are missing. The days are at least those that the meter
            requests with `days`; there may be older ones of the billing period.

        Raises:
            LookupError: If no single days are loaded.
        """
        by_day: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
        for series in self._sums.get(event, ()):
            for first, last, amount in zip(series.firsts, series.lasts, series.values, strict=True):
                if first > self.day:
                    break
                if first < last:
                    raise _not_loaded(event, "by day")
                by_day[first].append((series.key(by), amount))
        return {day: _sum_by_key(amounts) for day, amounts in sorted(by_day.items())}

    def spent(
        self, event: str, since: datetime | None = None, until: datetime | None = None, *, by: str
    ) -> dict[date, dict[str, Decimal]]:
        """Return the sums of an event type from an instant until another, by day.

        The engine divides a day at the instants at which grants of credits begin or end. Usage of a day that is not
        divided counts as a whole at the beginning of the day.

        Args:
            event: The event type, of the kind ``counter``.
            since: The first instant; None from the first day that is loaded.
            until: The instant before which the usage lies; None up to the end of the day of the measurement.
            by: The key of a dimension, or ``entity``.

        Returns:
            The sums by day, then by value of the dimension, as :meth:`daily` returns them.

        Raises:
            LookupError: If days are not loaded, or only as a total that cannot be divided.
        """
        by_day: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
        for series, begin, end in self._between(event, since, until):
            for index in range(begin, end):
                by_day[series.firsts[index]].append((series.key(by), series.values[index]))
        return {day: _sum_by_key(amounts) for day, amounts in sorted(by_day.items())}

    def spent_in_all(
        self, event: str, since: datetime | None = None, until: datetime | None = None, *, by: str
    ) -> dict[str, Decimal]:
        """Return the sums of an event type from an instant until another, as :meth:`spent` does, over all days."""
        return _sum_by_key(
            (series.key(by), series.sum_of(begin, end)) for series, begin, end in self._between(event, since, until)
        )

    def has_negative(self, event: str) -> bool:
        """Return whether corrections made a sum of an event type negative, on a day or on a part of a day."""
        return any(series.has_negative for series in self._sums.get(event, ()))

    def level(self, event: str, *, entity: str | None = None, on: date | None = None) -> Decimal | None:
        """Return the newest values of a level, added up over entities and dimensions.

        Args:
            event: The event type, of the kind ``level``.
            entity: The only entity to add up; None for all of them.
            on: The day at whose end the level is read; None for the instant of the measurement.

        Returns:
            The level, or None if no value was reported.

        Raises:
            LookupError: If the day is not loaded.
        """
        values = [value for series, value in self._latest(event, on) if entity in (None, series.entity)]
        if len(values) < 2:
            return values[0] if values else None
        with exact():
            return sum(values, _ZERO)

    def levels(self, event: str, *, by: str, on: date | None = None) -> dict[str, Decimal]:
        """Return the newest values of a level by the values of a dimension.

        Args:
            event: The event type, of the kind ``level``.
            by: The key of a dimension, or ``entity``.
            on: The day at whose end the level is read; None for the instant of the measurement.

        Returns:
            The level of each value that was reported. Levels without a value are under ``""``.

        Raises:
            LookupError: If the day is not loaded.
        """
        return _sum_by_key((series.key(by), value) for series, value in self._latest(event, on))

    def inventory(self, event: str, *, on: date | None = None) -> list[LevelCell]:
        """Return every single level, by entity and set of dimensions, without adding any up.

        Args:
            event: The event type, of the kind ``level``.
            on: The day at whose end the levels are read; None for the instant of the measurement.

        Raises:
            LookupError: If the day is not loaded.
        """
        day = min(on, self.day) if on else self.day
        return [
            LevelCell(event, day, value, series.entity, series.dimensions) for series, value in self._latest(event, on)
        ]

    def grants(self, meter: str | None = None) -> tuple[Grant, ...]:
        """Return the grants of credits made up to the instant of the measurement, also those that have expired.

        Args:
            meter: The key of a meter, to leave out grants for other meters; None for all grants.
        """
        return tuple(
            grant
            for grant in self._grants
            if grant.granted_at <= self.at and (meter is None or grant.meter in (None, meter))
        )

    def label_of(self, entity: str) -> str:
        """Return the name of an entity that people see."""
        known = self._entities.get(entity)
        return entity if known is None else known.label

    def owner_of(self, entity: str, day: date) -> str:
        """Return the entity that has the credits and debts of an entity on a day: itself, or what it merged into."""
        known = self._entities.get(entity)
        while known is not None and known.into is not None and known.is_closed(day):
            entity = known.into
            known = self._entities.get(entity)
        return entity

    @property
    def entities(self) -> tuple[EntityCell, ...]:
        """The entities that have a label of their own, or that are closed. For the engine."""
        return tuple(self._entities.values())

    def admitted(self, meter: str) -> Admitted | None:
        """Return how many identifiers a meter of admission has admitted and refused in the current quota window.

        Args:
            meter: The key of the meter.

        Returns:
            The window and the counts, or None if no window is open at the instant of the measurement.
        """
        begun = [cell for cell in self._admitted if cell.meter == meter and cell.window.starts_at <= self.at]
        if not begun:
            return None
        window = max((cell.window for cell in begun), key=lambda window: (window.starts_at, window.ends_at))
        if window.ends_at <= self.at:
            return None
        cells = [cell for cell in begun if cell.window == window and cell.day <= self.day]
        return Admitted(window, sum(cell.count for cell in cells), sum(cell.refused for cell in cells))

    def only(self, events: Collection[str], meter: str, since: date | None = None) -> "Usage":
        """Return the part of this usage that one meter reads. For the engine, which sends it to other processes.

        Args:
            events: The event types that the meter reads.
            meter: The key of the meter, to which grants and admitted identifiers belong.
            since: The first day of sums that the meter requests; None for all days that are loaded.
        """
        part = object.__new__(Usage)
        part.__dict__.update(self.__dict__)
        sums = {event: self._sums[event] for event in events if event in self._sums}
        part._sums = sums if since is None else {event: _since(since, series) for event, series in sums.items()}
        part._levels = {event: self._levels[event] for event in events if event in self._levels}
        part._grants = tuple(grant for grant in self._grants if grant.meter in (None, meter))
        part._admitted = tuple(cell for cell in self._admitted if cell.meter == meter)
        loaded = {event: first for event, first in self.loaded_from.items() if event in events}
        if since is not None:
            loaded |= {event: max(since, loaded.get(event, since)) for event in sums}
        part.loaded_from = MappingProxyType(loaded)
        return part

    @property
    def sizes(self) -> dict[str, int]:
        """The number of cells of each event type. For the engine, which keeps a bound on them."""
        return {
            event: sum(len(series.values) for series in of_event)
            for by_event in (self._sums, self._levels)
            for event, of_event in by_event.items()
        }

    @property
    def origin(self) -> int:
        """A number that all views of one usage share, valid while the usage lives. For the engine."""
        return id(self._sums)

    def cells(self) -> Iterator[SumCell | LevelCell | Grant | AdmittedCell]:
        """Iterate over all cells, also those of later days. For the engine, which sends them to other processes."""
        for event, sums in self._sums.items():
            for series in sums:
                for index, value in enumerate(series.values):
                    first, last, starts_at = series.firsts[index], series.lasts[index], series.starts.get(index)
                    yield SumCell(event, first, last, value, series.entity, series.dimensions, starts_at)
        for event, levels in self._levels.items():
            for series in levels:
                for day, value in zip(series.firsts, series.values, strict=True):
                    yield LevelCell(event, day, value, series.entity, series.dimensions)
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

    def _between(self, event: str, since: datetime | None, until: datetime | None) -> Iterable[tuple[Series, int, int]]:
        """Yield each series with the indices of its cells from an instant until another."""
        first, last = self._place(since), self._place(until)
        if first:
            self._check_loaded(event, first[0])
        for series in self._sums.get(event, ()):
            begin = series.index_at(*first) if first else 0
            end = series.index_at(*last) if last else bisect_right(series.firsts, self.day)
            if begin is None or end is None:
                raise _not_loaded(event, "by day")
            if begin < end:
                yield series, begin, end

    def _place(self, at: datetime | None) -> tuple[date, datetime | None] | None:
        """Return the day of an instant and the instant, or None instead of it at the beginning of the day."""
        if at is None:
            return None
        day = at.astimezone(ZoneInfo(self.time_zone)).date()
        return day, None if at == midnight(day, self.time_zone) else at

    def _latest(self, event: str, on: date | None) -> Iterable[tuple[Series, Decimal]]:
        day = min(on, self.day) if on else self.day
        self._check_loaded(event, day)
        closed = {name for name, entity in self._entities.items() if entity.is_closed(day)}
        for series in self._levels.get(event, ()):
            value = series.latest(day)
            if value is not None and series.entity not in closed:
                yield series, value

    def _check_loaded(self, event: str, first: date) -> None:
        if first < self.loaded_from.get(event, date.min):
            raise _not_loaded(event, f"of {first}")


def _since(day: date, all_series: Sequence[Series]) -> list[Series]:
    """Return series without the cells that end before a day."""
    kept = []
    for series in all_series:
        begin = bisect_left(series.lasts, day)
        if begin == 0:
            kept.append(series)
        elif begin < len(series.lasts):
            starts = {index - begin: at for index, at in series.starts.items() if index >= begin}
            days, values = (series.firsts[begin:], series.lasts[begin:]), series.values[begin:]
            kept.append(Series(series.entity, series.dimensions, *days, values, starts))
    return kept


def _sum_by_key(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    with exact():
        for key, amount in amounts:
            known = sums.get(key)
            sums[key] = amount if known is None else known + amount
    return dict(sorted(sums.items()))


def _not_loaded(event: str, what: str) -> LookupError:
    return LookupError(f"{event} {what} is not loaded; set `days` on the meter to have more of the past")
