"""The reading of history by interval."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session

from core.consumption.points import Point, PointDelta, expand, point_of
from core.consumption.tables import ReadingHistory
from core.times import EPOCH

_LONGEST_DAY: Final = timedelta(hours=26)
"""More than from the midnight before to any moment: the first entry of a day is whole, also where clocks change."""


class Interval(StrEnum):
    """The distance between the points of a history, in the license's time zone. Weeks begin on Monday."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a history to read: the last point of each interval, after one instant up to another."""

    interval: Interval
    after: datetime | None
    until: datetime | None
    most: int


@dataclass(frozen=True, slots=True)
class Histories:
    """The entries of a license that one pass has read, by meter, oldest first; incomplete unless `ended`."""

    entries: dict[str, list[tuple[datetime, PointDelta]]]
    ended: bool
    most: int

    def of(self, meter: str) -> list[Point] | None:
        """Return the history of a meter, or None if the pass did not reach its end."""
        entries = self.entries.get(meter, [])
        if not self.ended and len(entries) <= self.most:
            return None
        return [point_of(at, entry) for at, entry in entries[: self.most]]


def read_histories(session: Session, time_zones: Mapping[int, str], meter: str, span: Span) -> dict[int, Histories]:
    """Read the histories of a meter of several licenses in one statement, along with those of their other meters."""
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    columns = table.c.license_id, table.c.at, table.c.readings
    statement = sa.select(*columns).where(table.c.license_id.in_(time_zones))
    if span.after is not None:
        statement = statement.where(table.c.at > max(span.after, EPOCH) - _LONGEST_DAY)
    if span.until is not None:
        statement = statement.where(table.c.at <= span.until)
    passes = {license_id: _Pass(span, ZoneInfo(zone)) for license_id, zone in time_zones.items()}
    rows = session.execute(statement.order_by(*columns[:2]).execution_options(yield_per=200))
    for license_id, at, entries in rows:
        one = passes[license_id]
        if one.ended:
            one.take(at, entries)
            one.ended = not one.is_full(meter)
            if not one.ended and len(passes) == 1:
                rows.close()
                break
    return {license_id: Histories(one.found, one.ended, span.most) for license_id, one in passes.items()}


class _Pass:
    """A pass through the rows of a license, oldest first. `ended` stays true while it takes all of them."""

    def __init__(self, span: Span, zone: ZoneInfo) -> None:
        self.found: dict[str, list[tuple[datetime, PointDelta]]] = defaultdict(list)
        self.ended = True
        self._span = span
        self._zone = zone
        self._before: dict[str, PointDelta] = {}
        self._buckets: dict[str, object] = {}

    def take(self, at: datetime, entries: Mapping[str, PointDelta]) -> None:
        shown = self._span.after is None or at > self._span.after
        bucket = _bucket(at, self._span.interval, self._zone)
        for key, entry in entries.items():
            full = expand(entry, self._before.get(key))
            if full is None:
                continue
            self._before[key] = full
            if not shown:
                continue
            if self._buckets.get(key) == bucket:
                self.found[key][-1] = at, full
            elif len(self.found[key]) <= self._span.most:
                self.found[key].append((at, full))
                self._buckets[key] = bucket

    def is_full(self, meter: str) -> bool:
        """Return whether the meter, and every other meter found, has more entries than the span asks for."""
        most = self._span.most
        return len(self.found.get(meter, ())) > most and all(len(entries) > most for entries in self.found.values())


def _bucket(at: datetime, interval: Interval, zone: ZoneInfo) -> object:
    local = at.astimezone(zone)
    day = local.date()
    match interval:
        case Interval.HOUR:
            # With its offset from UTC, since an hour occurs twice when the clocks go back.
            return (day, local.hour, local.utcoffset())
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day - timedelta(days=day.weekday())
        case Interval.MONTH:
            return date(day.year, day.month, 1)
