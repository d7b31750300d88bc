"""The reading of rollups for many licenses: one statement for sums and one for levels."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Date, Integer, String, and_, func
from sqlalchemy.sql.selectable import CTE
from sqlmodel import Session

from core.database.dialect import is_postgresql, open_values_table, values_text
from core.measuring.checkpoints import LEVEL
from core.measuring.usage_range import Bounds, EventGroup
from core.usage.amount import NANOS, from_nanos
from core.usage.exact_sums import sums_of
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_BOUNDS: Final[dict[str, Any]] = {
    "license_id": BigInteger(), "group_number": Integer(),
    "first": Date(), "single": Date(), "last": Date(), "known": Boolean(),
}  # fmt: skip
_EVENTS: Final[dict[str, Any]] = {"event": String(), "group_number": Integer()}

_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_KEYS: Final[list[Any]] = [_SERIES.c.license_id, _SERIES.c.event, _SERIES.c.entity, _SERIES.c.dimensions]


class RollupRow(NamedTuple):
    """An amount of a series on a day; `day` is None for the total of all days before the single ones."""

    license_id: int
    event: str
    entity: str
    dimensions: str
    day: date | None
    amount: Decimal


def read_sums(session: Session, groups: Sequence[EventGroup], bounds: Sequence[Bounds]) -> Iterable[RollupRow]:
    """Read the sums of event types that are counted."""
    parameters = _parameters(groups, bounds, lambda group: group.kind != LEVEL)
    rows = _fetch_rows(session, _sums_statement(is_postgresql(session)), parameters)
    for license_id, event, entity, dimensions, day, high, low, nanos in rows:
        amount = from_nanos(high * NANOS + low, nanos)
        yield RollupRow(license_id, event, entity, dimensions, day and date.fromisoformat(day), amount)


def read_levels(session: Session, groups: Sequence[EventGroup], bounds: Sequence[Bounds]) -> Iterable[RollupRow]:
    """Read the levels within the bounds, and unless a checkpoint holds it, the newest level before them."""
    parameters = _parameters(groups, bounds, lambda group: group.kind == LEVEL)
    rows = _fetch_rows(session, _levels_statement(is_postgresql(session)), parameters)
    for license_id, event, entity, dimensions, day, whole, nanos in rows:
        yield RollupRow(license_id, event, entity, dimensions, date.fromisoformat(day), from_nanos(whole, nanos))


# Both statements are made once: to make one takes as long as to execute it, and leaves circles of objects.


@cache
def _sums_statement(on_postgresql: bool) -> sa.Select[Any]:
    within, events = _tables(on_postgresql)
    joined, total = _join(on_postgresql, UsageSum, within, events, within.c.first)
    keys = [*_KEYS, sa.case((total.day >= within.c.single, total.day), else_=None)]
    return _as_json(on_postgresql, sa.select(*keys, *sums_of(total)).select_from(joined).group_by(*keys))


@cache
def _levels_statement(on_postgresql: bool) -> sa.Select[Any]:
    within, events = _tables(on_postgresql)
    earlier = UsageLevel.__table__.alias("earlier")  # type: ignore[attr-defined]
    newest_before = (
        sa.select(func.max(earlier.c.day))
        .where(
            earlier.c.license_id == _SERIES.c.license_id,
            earlier.c.series_id == _SERIES.c.id,
            earlier.c.day <= within.c.first,
        )
        .correlate(_SERIES, within)
        .scalar_subquery()
    )
    first = sa.case((within.c.known, within.c.first), else_=func.coalesce(newest_before, within.c.first))
    joined, level = _join(on_postgresql, UsageLevel, within, events, first)
    return _as_json(on_postgresql, sa.select(*_KEYS, level.day, level.whole, level.nanos).select_from(joined))


def _tables(on_postgresql: bool) -> tuple[CTE, CTE]:
    """Return the bounds of groups, and the event types of these, as tables within a statement."""
    return (
        open_values_table(_BOUNDS, "bounds", on_postgresql=on_postgresql),
        open_values_table(_EVENTS, "events", on_postgresql=on_postgresql),
    )


def _parameters(
    groups: Sequence[EventGroup], bounds: Sequence[Bounds], chosen: Callable[[EventGroup], bool]
) -> dict[str, str]:
    """Return the rows of these tables, of the chosen groups."""
    numbers = {number for number, group in enumerate(groups) if chosen(group)}
    within = [tuple(row) for row in bounds if row.group_number in numbers]
    events = [(event, number) for number in numbers for event in groups[number].events]
    return {"bounds": values_text(within), "events": values_text(events)}


def _join(
    on_postgresql: bool, table: type[Any], bounds: CTE, events: CTE, first: sa.ColumnElement[Any]
) -> tuple[sa.FromClause, Any]:
    """Return the rows of a rollup from a first day on within the bounds of their license, and the rollup's columns."""
    series = bounds.join(_SERIES, _SERIES.c.license_id == bounds.c.license_id).join(
        events, and_(events.c.event == _SERIES.c.event, events.c.group_number == bounds.c.group_number)
    )
    rows = table.__table__
    within = and_(
        rows.c.license_id == _SERIES.c.license_id,
        rows.c.series_id == _SERIES.c.id,
        rows.c.day >= first,
        rows.c.day <= bounds.c.last,
    )
    if not on_postgresql:
        return series.join(rows, within), rows.c
    # Fenced off, since the planner would look up a series first and compare the days of all its rows.
    found = sa.select(rows).where(within).correlate(_SERIES, bounds).offset(0).lateral()
    return series.join(found, sa.true()), found.c


def _as_json(on_postgresql: bool, statement: sa.Select[Any]) -> sa.Select[Any]:
    """Return a statement whose rows are lists within one JSON text, which costs a fraction of what rows cost."""
    columns = statement.subquery().c
    if on_postgresql:
        found = func.json_agg(func.json_build_array(*columns))
    else:
        found = func.json_group_array(func.json_array(*columns))
    return sa.select(sa.cast(found, sa.Text))


def fetch_rows(session: Session, statement: sa.Select[Any]) -> list[Any]:
    """Return the rows of a statement as lists, sent as one JSON text."""
    return _fetch_rows(session, _as_json(is_postgresql(session), statement), {})


def _fetch_rows(session: Session, statement: sa.Select[Any], parameters: Mapping[str, str]) -> list[Any]:
    text = session.execute(statement, parameters).scalar_one()
    rows: list[Any] = orjson.loads(text) if text else []
    return rows
