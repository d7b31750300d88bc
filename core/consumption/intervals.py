"""The reading of history by interval."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session

from core.consumption.points import Point, PointDelta, expand, is_whole, merge, point_of
from core.consumption.tables import ReadingHistory
from core.right_of_way import give_way
from core.times import EPOCH

_LONGEST_DAY: Final = timedelta(hours=26)
"""Longer than any day, also when clocks change. Reading begins earlier by it, as the first entry of a day is whole."""


_Entries: TypeAlias = dict[str, list[tuple[datetime, PointDelta]]]


class Interval(StrEnum):
    """The distance between the points of a history, in the license's time zone. Weeks begin on Monday."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


_LONGEST: Final = {
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(hours=26),
    Interval.WEEK: timedelta(days=8),
    Interval.MONTH: timedelta(days=32),
}
"""More than each interval takes, also where clocks change."""


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a history to read: the last point of each interval, after one instant up to another.

    `newest` selects the newest `most` points instead of the oldest. `before` is then the time of a point: its interval
    is left out, since the point already stands for it.
    """

    interval: Interval
    after: datetime | None
    until: datetime | None
    most: int
    newest: bool = False
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Histories:
    """The entries of a license that a pass has read, by meter, in the order of the pass.

    `is_complete` is False if the pass may have left entries of the span out.
    """

    entries: _Entries
    is_complete: bool
    span: Span

    def of(self, meter: str) -> list[Point] | None:
        """Return the history of a meter, oldest first, or None if the pass did not reach its end."""
        entries = self.entries.get(meter, [])
        if not self.is_complete and len(entries) <= self.span.most:
            return None
        points = [point_of(at, entry) for at, entry in entries[: self.span.most]]
        return points[::-1] if self.span.newest else points


def read_histories(session: Session, time_zones: Mapping[int, str], meter: str, span: Span) -> dict[int, Histories]:
    """Read the histories of a meter of several licenses in one statement, along with those of their other meters.

    The newest points without a beginning are looked for in as many intervals as there are points to find. Where points
    are rarer than intervals, a second statement reads further back.
    """
    if not span.newest or span.after is not None or span.until is None:
        return _read(session, time_zones, meter, span, span.after)
    length = _LONGEST[span.interval] * (span.most + 1)
    start = max(span.until, EPOCH + length) - length
    histories = _read(session, time_zones, meter, span, start)
    rare = {license_id: time_zones[license_id] for license_id, found in histories.items() if found.of(meter) is None}
    return {**histories, **_read(session, rare, meter, span, None)} if rare else histories


def _read(
    session: Session, time_zones: Mapping[int, str], meter: str, span: Span, start: datetime | None
) -> dict[int, Histories]:
    """Read the histories of a span from the rows after `start`, or from all rows."""
    table = ReadingHistory.__table__  # type: ignore[attr-defined]
    columns = table.c.license_id, table.c.at, table.c.readings
    statement = sa.select(*columns).where(table.c.license_id.in_(time_zones))
    if start is not None:
        statement = statement.where(table.c.at > max(start, EPOCH) - _LONGEST_DAY)
    if span.until is not None:
        statement = statement.where(table.c.at <= span.until)
    if span.newest:
        statement = statement.order_by(table.c.license_id.desc(), table.c.at.desc())
    else:
        statement = statement.order_by(table.c.license_id, table.c.at)
    kind = _NewestPass if span.newest else _OldestPass
    passes = {license_id: kind(span, ZoneInfo(zone), start == span.after) for license_id, zone in time_zones.items()}
    rows = session.execute(statement.execution_options(yield_per=200))
    full = set()
    for license_id, at, entries in rows:
        if license_id in full:
            continue
        one = passes[license_id]
        one.take(at, entries)
        if _is_full(one.found, meter, span.most):
            one.is_complete = False
            full.add(license_id)
            if len(passes) == 1:
                rows.close()
                break
    return {license_id: Histories(one.found, one.is_complete, span) for license_id, one in passes.items()}


def _is_full(found: _Entries, meter: str, most: int) -> bool:
    """Return whether the meter, and every other meter found, has more entries than asked for."""
    return len(found.get(meter, ())) > most and all(len(entries) > most for entries in found.values())


class _OldestPass:
    """A pass through the rows of a license, oldest first. `is_complete` is False once it skips rows of the span."""

    def __init__(self, span: Span, zone: ZoneInfo, is_complete: bool) -> None:
        self.found: _Entries = defaultdict(list)
        self.is_complete = is_complete
        self._span = span
        self._zone = zone
        self._before: dict[str, PointDelta] = {}
        self._buckets: dict[str, object] = {}

    def take(self, at: datetime, entries: Mapping[str, PointDelta]) -> None:
        shown = self._span.after is None or at > self._span.after
        bucket = _bucket(at, self._span.interval, self._zone)
        give_way()
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


class _NewestPass:
    """A pass through the rows of a license, newest first. `is_complete` is False once it skips rows of the span.

    An entry that leaves out what an earlier entry of its day holds is open until the pass comes to that entry.
    """

    def __init__(self, span: Span, zone: ZoneInfo, is_complete: bool) -> None:
        self.found: _Entries = defaultdict(list)
        self.is_complete = is_complete
        self._span = span
        self._zone = zone
        self._open: _Entries = defaultdict(list)
        self._first_bucket = None if span.before is None else _bucket(span.before, span.interval, zone)
        self._buckets: dict[str, object] = {}

    def take(self, at: datetime, entries: Mapping[str, PointDelta]) -> None:
        shown = self._span.after is None or at > self._span.after
        bucket = _bucket(at, self._span.interval, self._zone)
        give_way()
        for key, entry in entries.items():
            found, open_ = self.found[key], self._open[key]
            is_next = shown and self._buckets.get(key, self._first_bucket) != bucket
            if is_next and len(found) + len(open_) <= self._span.most:
                open_.append((at, entry))
                self._buckets[key] = bucket
            elif open_:
                latest, later = open_[-1]
                open_[-1] = latest, merge(entry, later)
            else:
                continue
            if is_whole(open_[-1][1]):
                found += _complete(open_)
                open_.clear()


def _complete(entries: Sequence[tuple[datetime, PointDelta]]) -> list[tuple[datetime, PointDelta]]:
    """Return entries as whole entries, newest first; the last of them, which is the earliest, is whole."""
    whole = entries[-1][1]
    completed = []
    for at, entry in reversed(entries):
        whole = merge(whole, entry)
        completed.append((at, whole))
    return completed[::-1]


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
