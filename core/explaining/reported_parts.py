"""The newest level of each series, with the report that it comes from, from the rollups."""

from collections.abc import Collection
from datetime import date
from typing import Final

import sqlalchemy as sa
from sqlalchemy import and_
from sqlmodel import Session

from core.explaining.counted_parts import count_duplicates
from core.explaining.day_ranges import DayRange
from core.explaining.parts import FigurePart, NewestEvent, PartReason, SummedParts, sum_of
from core.measuring.load_usage import load_entities, read_dimensions
from core.times import instant, microseconds
from core.usage.amount import from_nanos
from core.usage.closings import day_number
from core.usage.days import local_day
from core.usage.tables import UsageLevel, UsageSeries

_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_LEVEL: Final = UsageLevel.__table__  # type: ignore[attr-defined]


def reported_parts(session: Session, license_id: int, time_zone: str, event: str, day: date, most: int) -> SummedParts:
    """Return the levels of an event type at the end of a day, in three statements.

    Args:
        session: A session for reading.
        license_id: The license.
        time_zone: The time zone of the license.
        event: The event type, a level.
        day: The day. Entities that are closed on it are left out.
        most: The most parts that are listed. All others are one part.
    """
    closed = {one.name for one in load_entities(session, [license_id])[license_id] if one.is_closed(day)}
    parts = _newest(session, license_id, event, day, closed)
    late = sum(_is_late(part, time_zone) for part in parts)
    parts.sort(key=lambda part: (part.day or date.min, part.amount), reverse=True)
    listed, others = parts[:most], parts[most:]
    rest = [FigurePart(PartReason.OTHER_USAGE, sum_of(others))] if others else []
    days = DayRange(min((part.day for part in parts if part.day), default=day), day)
    duplicates = count_duplicates(session, license_id, [event], days)
    return SummedParts(sum_of(parts), [*listed, *rest], late, duplicates)


def _newest(session: Session, license_id: int, event: str, day: date, closed: Collection[str]) -> list[FigurePart]:
    """Return the newest level of each series that is not closed."""
    earlier = _LEVEL.alias("earlier")
    newest = (
        sa.select(sa.func.max(earlier.c.day))
        .where(earlier.c.license_id == license_id, earlier.c.series_id == _SERIES.c.id, earlier.c.day <= day)
        .correlate(_SERIES)
        .scalar_subquery()
    )
    same = and_(_LEVEL.c.license_id == license_id, _LEVEL.c.series_id == _SERIES.c.id, _LEVEL.c.day == newest)
    columns = (
        *(_SERIES.c.entity, _SERIES.c.dimensions, _LEVEL.c.day, _LEVEL.c.whole, _LEVEL.c.nanos),
        *(_LEVEL.c.source, _LEVEL.c.event_id, _LEVEL.c.time, _LEVEL.c.accepted),
    )
    statement = (
        sa.select(*columns)
        .select_from(_SERIES.join(_LEVEL, same))
        .where(_SERIES.c.license_id == license_id, _SERIES.c.event == event)
    )
    found = []
    for entity, dimensions, on, whole, nanos, source, id, time, accepted in session.execute(statement):
        if entity in closed:
            continue
        report = None if accepted is None else NewestEvent(source, id, time, instant(accepted))
        series = entity or None, read_dimensions(dimensions)
        found.append(FigurePart(PartReason.USAGE, from_nanos(whole, nanos), on, *series, None, report))
    return found


def _is_late(part: FigurePart, time_zone: str) -> bool:
    """Return whether the report of a level arrived after its day, as far as that is known."""
    if part.last_event is None or part.day is None:
        return False
    return local_day(time_zone, microseconds(part.last_event.counted_at)) > day_number(part.day)
