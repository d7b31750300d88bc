"""The history of readings: written by refreshes, read by interval."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete
from sqlmodel import Session, col, select

from core.consumption.readings import StoredReading
from core.consumption.tables import ReadingPoint
from core.database.engine import insert_into


@dataclass(frozen=True, slots=True)
class Point:
    """A reading of a license's meter, as it stood at its time of measurement."""

    license_id: int
    meter: str
    reading: StoredReading


@dataclass(frozen=True, slots=True)
class Stretch:
    """The history of a license's meter after one instant up to another."""

    license_id: int
    meter: str
    after: datetime
    until: datetime


class Interval(StrEnum):
    """How far apart the points of a history are, in the license's time zone. Weeks begin on Monday."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def replace_history(session: Session, points: Iterable[Point], rewritten: Iterable[Stretch]) -> None:
    """Write points; drop what stood in the stretches before."""
    table = ReadingPoint.__table__  # type: ignore[attr-defined]
    dropped = [asdict(stretch) for stretch in rewritten]
    if dropped:
        session.execute(
            delete(table).where(
                table.c.license_id == bindparam("license_id"),
                table.c.meter == bindparam("meter"),
                table.c.at > bindparam("after"),
                table.c.at <= bindparam("until"),
            ),
            dropped,
        )
    rows = [
        {
            "license_id": point.license_id,
            "meter": point.meter,
            "at": point.reading.measured_at,
            "used": point.reading.used,
            "limit": point.reading.limit,
            "status": point.reading.status.value,
        }
        for point in points
    ]
    if rows:
        statement = insert_into(session, ReadingPoint)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["license_id", "meter", "at"],
                set_={name: statement.excluded[name] for name in ("used", "limit", "status")},
            ),
            rows,
        )


def read_history(
    session: Session,
    license_id: int,
    meter: str,
    interval: Interval,
    time_zone: str,
    *,
    after: datetime | None,
    until: datetime | None,
    most: int,
) -> list[ReadingPoint]:
    """The last point of each interval, oldest first, `most` at the most, after one instant up to another."""
    statement = select(ReadingPoint).where(ReadingPoint.license_id == license_id, ReadingPoint.meter == meter)
    if after is not None:
        statement = statement.where(col(ReadingPoint.at) > after)
    if until is not None:
        statement = statement.where(col(ReadingPoint.at) <= until)
    rows = session.exec(statement.order_by(col(ReadingPoint.at)).execution_options(yield_per=500))
    return _last_of_each(rows, interval, ZoneInfo(time_zone), most)


def _last_of_each(rows: Iterable[ReadingPoint], interval: Interval, zone: ZoneInfo, most: int) -> list[ReadingPoint]:
    found: list[ReadingPoint] = []
    current: object = None
    for row in rows:
        bucket = _bucket(row.at, interval, zone)
        if bucket == current:
            found[-1] = row
            continue
        if len(found) == most:
            break
        current = bucket
        found.append(row)
    return found


def _bucket(at: datetime, interval: Interval, zone: ZoneInfo) -> object:
    local = at.astimezone(zone)
    day = local.date()
    match interval:
        case Interval.HOUR:
            # With its offset from UTC, since an hour may come twice.
            return (day, local.hour, local.utcoffset())
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day - timedelta(days=day.weekday())
        case Interval.MONTH:
            return date(day.year, day.month, 1)
