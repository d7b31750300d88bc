"""The reading of rollups for many licenses: one statement for sums and one for levels."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Date, Integer, String, and_, func
from sqlalchemy.sql.selectable import CTE
from sqlmodel import Session

from core.database.dialect import is_postgresql, values_table
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
    within, events = _values(session, groups, bounds, lambda group: group.kind != LEVEL)
    joined, total = _join(session, UsageSum, within, events, within.c.first)
    keys = [*_KEYS, sa.case((total.day >= within.c.single, total.day), else_=None)]
    rows = fetch_rows(session, sa.select(*keys, *sums_of(total)).select_from(joined).group_by(*keys))
    for license_id, event, entity, dimensions, day, high, low, nanos in rows:
        amount = from_nanos(high * NANOS + low, nanos)
        yield RollupRow(license_id, event, entity, dimensions, day and date.fromisoformat(day), amount)


def read_levels(session: Session, groups: Sequence[EventGroup], bounds: Sequence[Bounds]) -> Iterable[RollupRow]:
    """Read the levels within the bounds, and unless a checkpoint holds it, the newest level before them."""
    within, events = _values(session, groups, bounds, lambda group: group.kind == LEVEL)
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
    joined, level = _join(session, UsageLevel, within, events, first)
    rows = fetch_rows(session, sa.select(*_KEYS, level.day, level.whole, level.nanos).select_from(joined))
    for license_id, event, entity, dimensions, day, whole, nanos in rows:
        yield RollupRow(license_id, event, entity, dimensions, date.fromisoformat(day), from_nanos(whole, nanos))


def _values(
    session: Session, groups: Sequence[EventGroup], bounds: Sequence[Bounds], chosen: Callable[[EventGroup], bool]
) -> tuple[CTE, CTE]:
    """Return the bounds of the chosen groups, and the event types of these, as tables within the statement."""
    numbers = {number for number, group in enumerate(groups) if chosen(group)}
    within = [tuple(row) for row in bounds if row.group_number in numbers]
    events = [(event, number) for number in numbers for event in groups[number].events]
    return values_table(session, _BOUNDS, within, "bounds"), values_table(session, _EVENTS, events, "events")


def _join(
    session: Session, table: type[Any], bounds: CTE, events: CTE, first: sa.ColumnElement[Any]
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
    if not is_postgresql(session):
        return series.join(rows, within), rows.c
    # Fenced off, since the planner would look up a series first and compare the days of all its rows.
    found = sa.select(rows).where(within).correlate(_SERIES, bounds).offset(0).lateral()
    return series.join(found, sa.true()), found.c


def fetch_rows(session: Session, statement: sa.Select[Any]) -> list[Any]:
    """Return the rows as lists, sent as JSON in one text, which costs a fraction of what rows cost."""
    columns = statement.subquery().c
    if is_postgresql(session):
        found = func.json_agg(func.json_build_array(*columns))
    else:
        found = func.json_group_array(func.json_array(*columns))
    text = session.execute(sa.select(sa.cast(found, sa.Text))).scalar_one()
    rows: list[Any] = orjson.loads(text) if text else []
    return rows
