"""The reading of history by interval."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session

from core.consumption.points import Entry, Point, point_of, whole
from core.consumption.tables import ReadingHistory
from core.database.types import EPOCH

_LONGEST_DAY: Final = timedelta(hours=26)
"""More than from the midnight before to any moment: the first entry of a day is whole, also where clocks change."""


class Interval(StrEnum):
    """How far apart the points of a history are, in the license's time zone. Weeks begin on Monday."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Span:
    """Which history to read: the last point of each interval, after one instant up to another, `most` at the most."""

    interval: Interval
    after: datetime | None
    until: datetime | None
    most: int


@dataclass(frozen=True, slots=True)
class Histories:
    """What was read of a license in one pass, oldest first, by meter; not all of it unless `ended`."""

    entries: dict[str, list[tuple[datetime, Entry]]]
    ended: bool
    most: int

    def of(self, meter: str) -> list[Point] | None:
        """The history of a meter; None where it was not read to its end."""
        entries = self.entries.get(meter, [])
        if not self.ended and len(entries) <= self.most:
            return None
        return [point_of(at, entry) for at, entry in entries[: self.most]]


def read_history(session: Session, license_id: int, time_zone: str, meter: str, span: Span) -> Histories:
    """The history of a license's meter, and along with it that of its other meters, in one statement."""
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    statement = sa.select(table.c.at, table.c.readings).where(table.c.license_id == license_id)
    if span.after is not None:
        statement = statement.where(table.c.at > max(span.after, EPOCH) - _LONGEST_DAY)
    if span.until is not None:
        statement = statement.where(table.c.at <= span.until)
    rows = session.execute(statement.order_by(table.c.at).execution_options(yield_per=200))
    zone = ZoneInfo(time_zone)
    before: dict[str, Entry] = {}
    found: dict[str, list[tuple[datetime, Entry]]] = defaultdict(list)
    buckets: dict[str, object] = {}
    for at, entries in rows:
        shown = span.after is None or at > span.after
        bucket = _bucket(at, span.interval, zone)
        for key, entry in entries.items():
            full = whole(entry, before.get(key))
            if full is None:
                continue
            before[key] = full
            if not shown:
                continue
            if buckets.get(key) == bucket:
                found[key][-1] = at, full
            elif len(found[key]) <= span.most:
                found[key].append((at, full))
                buckets[key] = bucket
        if len(found[meter]) > span.most:
            rows.close()
            return Histories(found, False, span.most)
    return Histories(found, True, span.most)


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
