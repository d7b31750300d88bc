"""The usage of a counter by day and series, newest first, with the events behind it, from the rollups."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import BigInteger, Date, and_, func
from sqlmodel import Session

from core.database.dialect import values_table
from core.explaining.day_ranges import DayRange
from core.explaining.parts import ZERO, FigurePart, NewestEvent, PartReason, SummedParts, part_of_difference, sum_of
from core.measuring.load_usage import read_dimensions
from core.times import instant
from core.usage.exact_sums import summed, sums_of
from core.usage.tables import UsageDuplicates, UsageSeries, UsageSum

_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_SUM: Final = UsageSum.__table__  # type: ignore[attr-defined]
_REPEATED: Final = UsageDuplicates.__table__  # type: ignore[attr-defined]
_LISTED: Final[dict[str, Any]] = {"series_id": BigInteger(), "on_day": Date()}


def counted_parts(session: Session, license_id: int, event: str, days: DayRange, most: int) -> SummedParts:
    """Return what was counted of an event type on days, in four statements.

    Args:
        session: A session for reading.
        license_id: The license.
        event: The event type, a counter.
        days: The days.
        most: The most parts that are listed. All others are one part.
    """
    total, events, late = _totals(session, license_id, event, days)
    columns = _SERIES.c.id, _SERIES.c.entity, _SERIES.c.dimensions, _SUM.c.day
    statement = (
        sa.select(*columns, *sums_of(_SUM.c), func.sum(_SUM.c.events))
        .select_from(_SERIES.join(_SUM, _of_days(_SUM, license_id, days)))
        .where(_SERIES.c.license_id == license_id, _SERIES.c.event == event)
        .group_by(*columns)
        .order_by(_SUM.c.day.desc(), _SERIES.c.id)
        .limit(most)
    )
    rows = session.execute(statement).all()
    newest = _newest_events(session, license_id, [(row[0], row[3]) for row in rows])
    listed = [
        FigurePart(
            PartReason.USAGE,
            summed(*sums),
            day,
            entity or None,
            read_dimensions(dimensions),
            int(count),
            newest.get((series_id, day)),
        )
        for series_id, entity, dimensions, day, *sums, count in rows
    ]
    others = [
        part._replace(events=events - sum(part.events or 0 for part in listed))
        for part in part_of_difference(PartReason.OTHER_USAGE, total, sum_of(listed))
    ]
    return SummedParts(total, [*listed, *others], late, count_duplicates(session, license_id, [event], days))


def count_duplicates(session: Session, license_id: int, events: Sequence[str], days: DayRange) -> int:
    """Return the number of events of types on days that were sent again."""
    statement = (
        sa.select(func.coalesce(func.sum(_REPEATED.c.count), 0))
        .select_from(_SERIES.join(_REPEATED, _of_days(_REPEATED, license_id, days)))
        .where(_SERIES.c.license_id == license_id, _SERIES.c.event.in_(events))
    )
    return int(session.execute(statement).scalar_one())


def _totals(session: Session, license_id: int, event: str, days: DayRange) -> tuple[Decimal, int, int]:
    """Return the sum, the number of events, and the number of late events."""
    statement = (
        sa.select(*sums_of(_SUM.c), func.sum(_SUM.c.events), func.sum(_SUM.c.late))
        .select_from(_SERIES.join(_SUM, _of_days(_SUM, license_id, days)))
        .where(_SERIES.c.license_id == license_id, _SERIES.c.event == event)
    )
    *sums, events, late = session.execute(statement).one()
    return (ZERO, 0, 0) if events is None else (summed(*sums), int(events), int(late))


def _newest_events(
    session: Session, license_id: int, listed: Sequence[tuple[int, date]]
) -> Mapping[tuple[int, date], NewestEvent]:
    """Return the newest event of each listed series and day of which it is known."""
    if not listed:
        return {}
    rows = [(series_id, day.isoformat()) for series_id, day in listed]
    given = values_table(session, _LISTED, rows, "listed").prefix_with("MATERIALIZED")
    same = and_(
        _SUM.c.license_id == license_id,
        _SUM.c.series_id == given.c.series_id,
        _SUM.c.day == given.c.on_day,
        _SUM.c.last_time.is_not(None),
    )
    columns = _SUM.c.series_id, _SUM.c.day, _SUM.c.last_source, _SUM.c.last_id, _SUM.c.last_time, _SUM.c.last_accepted
    newest: dict[tuple[int, date], NewestEvent] = {}
    for series_id, day, source, id, time, accepted in session.execute(
        sa.select(*columns).select_from(given.join(_SUM, same))
    ):
        found, known = NewestEvent(source, id, time, instant(accepted)), newest.get((series_id, day))
        if known is None or (found.time, found.counted_at) > (known.time, known.counted_at):
            newest[series_id, day] = found
    return newest


def _of_days(table: sa.Table, license_id: int, days: DayRange) -> sa.ColumnElement[bool]:
    """Return the condition that a row is one of a series on one of the days."""
    return and_(
        table.c.license_id == license_id,
        table.c.series_id == _SERIES.c.id,
        table.c.day.between(days.first, days.last),
    )
