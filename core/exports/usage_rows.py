"""The rows of usage: the sum or the newest level of each series on each day, from the rollups."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from heapq import merge
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.exports.query import ExportQuery
from core.exports.rows import JsonText, Position, PositionedRow
from core.licenses.load import LoadedLicense
from core.usage.amount import from_nanos
from core.usage.exact_sums import summed, sums_of
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_SUM: Final = UsageSum.__table__  # type: ignore[attr-defined]
_LEVEL: Final = UsageLevel.__table__  # type: ignore[attr-defined]


class _Rollup(NamedTuple):
    """The amount of a series on a day: a sum or a level."""

    series: int
    day: date
    amount: Decimal
    kind: str


def usage_rows(
    session: Session, license: LoadedLicense, query: ExportQuery, after: Position, most: int
) -> Iterator[PositionedRow]:
    """Yield at most so many rows of usage of a license behind a position."""
    # The series of an event type are all counted or all levels, so that no day of a series is in both.
    rollups = [*merge(_sums(session, license, query, after, most), _levels(session, license, query, after, most))][
        :most
    ]
    series = {
        one.id: one
        for one in session.exec(
            select(UsageSeries).where(col(UsageSeries.id).in_({rollup.series for rollup in rollups}))
        )
    }
    for rollup in rollups:
        one = series[rollup.series]
        position = Position(rollup.series, rollup.day.isoformat())
        yield (
            position,
            (
                *(license.license.key, rollup.day, one.event, one.entity or None),
                *(JsonText(one.dimensions or "{}"), rollup.kind, rollup.amount),
            ),
        )


def _sums(
    session: Session, license: LoadedLicense, query: ExportQuery, after: Position, most: int
) -> Iterator[_Rollup]:
    keys = _SUM.c.series_id, _SUM.c.day
    statement = sa.select(*keys, *sums_of(_SUM.c)).where(*_behind(_SUM, license, query, after)).group_by(*keys)
    for series, day, *sums in session.execute(statement.order_by(*keys).limit(most)):
        yield _Rollup(series, day, summed(*sums), "sum")


def _levels(
    session: Session, license: LoadedLicense, query: ExportQuery, after: Position, most: int
) -> Iterator[_Rollup]:
    keys = _LEVEL.c.series_id, _LEVEL.c.day
    statement = sa.select(*keys, _LEVEL.c.whole, _LEVEL.c.nanos).where(*_behind(_LEVEL, license, query, after))
    for series, day, whole, nanos in session.execute(statement.order_by(*keys).limit(most)):
        yield _Rollup(series, day, from_nanos(whole, nanos), "level")


def _behind(
    table: Any, license: LoadedLicense, query: ExportQuery, after: Position
) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of the rollups of a license behind a position."""
    day = date.fromisoformat(after.text) if after.text else date.min
    return (
        table.c.license_id == license.id,
        table.c.series_id >= after.number,  # begins at the place in the index
        sa.or_(table.c.series_id > after.number, table.c.day > day),
        table.c.day.between(query.first, query.last),
    )
