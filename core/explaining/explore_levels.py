"""Levels by group at the end of each interval, from the rollups."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from allowance import EntityCell
from sqlalchemy import and_
from sqlmodel import Session

from core.explaining.group_choice import ChosenGroups, SeriesAmount, SeriesName
from core.explaining.usage_query import UsageQuery
from core.usage.amount import NANOS, from_nanos
from core.usage.tables import UsageLevel, UsageSeries

_STREAM_ROWS: Final = 1000
_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_LEVEL: Final = UsageLevel.__table__  # type: ignore[attr-defined]
_OF_SERIES: Final = and_(_LEVEL.c.license_id == _SERIES.c.license_id, _LEVEL.c.series_id == _SERIES.c.id)


def newest_levels(session: Session, query: UsageQuery, day: date) -> Sequence[SeriesAmount]:
    """Return the newest level of each series up to the end of a day."""
    earlier = _LEVEL.alias("earlier")
    newest = (
        sa.select(sa.func.max(earlier.c.day))
        .where(earlier.c.license_id == _SERIES.c.license_id, earlier.c.series_id == _SERIES.c.id, earlier.c.day <= day)
        .correlate(_SERIES)
        .scalar_subquery()
    )
    columns = _SERIES.c.entity, _SERIES.c.dimensions, _LEVEL.c.whole, _LEVEL.c.nanos
    statement = (
        sa.select(*columns)
        .select_from(_SERIES.join(_LEVEL, and_(_OF_SERIES, _LEVEL.c.day == newest)))
        .where(_SERIES.c.license_id == query.license.id, _SERIES.c.event == query.event.name)
    )
    return [
        SeriesAmount(entity, dimensions, from_nanos(whole, nanos))
        for entity, dimensions, whole, nanos in session.execute(statement)
    ]


def level_amounts(
    session: Session, query: UsageQuery, chosen: ChosenGroups, entities: Sequence[EntityCell]
) -> Sequence[Sequence[Decimal | None]]:
    """Return the level of each group at the end of each interval; those of the rest come last.

    Rows are streamed in the order of days, so that no more is held than the newest level of each series.

    Args:
        session: A session for reading.
        query: The query.
        chosen: The groups.
        entities: The entities of the license that are closed. From that day on they are no part of levels.
    """
    count = len(chosen.top) + 1
    sums, reported = [0] * count, [0] * count
    amounts: list[list[Decimal | None]] = [[] for _ in range(count)]
    levels: dict[SeriesName, int] = {}
    closed_from = {entity.name: entity.closed_from for entity in entities if entity.closed_from is not None}
    closing = _closing(chosen, closed_from)
    changes = _changes(session, query, chosen, closed_from)
    change = next(changes, None)
    for interval in query.intervals:
        while change is not None and change[0] <= interval.last:
            _, name, level = change
            number = chosen.numbers[name]
            reported[number] += name not in levels
            sums[number] += level - levels.get(name, 0)
            levels[name] = level
            change = next(changes, None)
        while closing and closing[-1][0] <= interval.last:
            _, name = closing.pop()
            if name in levels:
                number = chosen.numbers[name]
                reported[number] -= 1
                sums[number] -= levels.pop(name)
        for number in range(count):
            amounts[number].append(from_nanos(*divmod(sums[number], NANOS)) if reported[number] else None)
    return amounts


def _closing(chosen: ChosenGroups, closed_from: dict[str, date]) -> list[tuple[date, SeriesName]]:
    """Return the series that end, with the first day on which they are closed, the latest first."""
    of_entity = defaultdict(list)
    for name in chosen.numbers:
        of_entity[name[0]].append(name)
    return sorted(((day, name) for entity, day in closed_from.items() for name in of_entity[entity]), reverse=True)


def _changes(
    session: Session, query: UsageQuery, chosen: ChosenGroups, closed_from: dict[str, date]
) -> Iterator[tuple[date, SeriesName, int]]:
    """Yield the levels of the query's series in the order of their days, in billionths: at first the newest ones."""
    first, last = query.days
    for entity, dimensions, amount in newest_levels(session, query, first):
        if (entity, dimensions) in chosen.numbers and first < closed_from.get(entity, date.max):
            yield first, (entity, dimensions), int(amount * NANOS)
    columns = _SERIES.c.entity, _SERIES.c.dimensions, _LEVEL.c.day, _LEVEL.c.whole, _LEVEL.c.nanos
    statement = (
        sa.select(*columns)
        .select_from(_SERIES.join(_LEVEL, _OF_SERIES))
        .where(
            _SERIES.c.license_id == query.license.id,
            _SERIES.c.event == query.event.name,
            _LEVEL.c.license_id == query.license.id,
            _LEVEL.c.day > first,
            _LEVEL.c.day <= last,
        )
        .order_by(_LEVEL.c.day)
    )
    for entity, dimensions, day, whole, nanos in session.execute(statement.execution_options(yield_per=_STREAM_ROWS)):
        if (entity, dimensions) in chosen.numbers and day < closed_from.get(entity, date.max):
            yield day, (entity, dimensions), whole * NANOS + nanos
