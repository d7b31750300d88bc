"""The retention of the ledger: segments by time of arrival, of which the newest is open and the oldest is dropped.

A segment is dropped when all its events are older than the deduplication window, and older by the number of days that
the operator wants to be able to recount. So the event of a retry is found as long as a retry is accepted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.dialect import is_postgresql
from core.database.engine import Database
from core.errors import BadSetting
from core.settings import Settings
from core.usage.segment_tables import drop_table, empty_tables, lock_ledger, make_table
from core.usage.tables import LedgerEvent, LedgerSegment

FIRST_SEGMENT: Final = 1
"""The number of the first segment. Segment 0 holds old events of backfills and is never dropped."""
DELETE_ROWS: Final = 5_000
"""Rows that a transaction deletes where no table is dropped: on SQLite, and by a role that may not drop tables."""
_MIN_OPEN: Final = timedelta(days=1)


class SegmentRetention(NamedTuple):
    """The time for which a segment is open, and the time for which it is kept after that."""

    open_for: timedelta
    keep_for: timedelta


def segment_retention(settings: Settings) -> SegmentRetention:
    """Return the retention by the settings.

    Segments are so long that two or three exist at a time, as every event is looked up in each.
    """
    kept = settings.dedup_window + settings.future_tolerance + timedelta(days=settings.ledger_days)
    return SegmentRetention(max(kept / 2, _MIN_OPEN), kept)


def rotate_segments(database: Database, rule: SegmentRetention, now: datetime) -> None:
    """Open a new segment and drop old segments if it is time. Any number of processes may call this at once.

    Raises:
        sqlalchemy.exc.OperationalError: The ledger was busy for longer than ingestion should wait. The caller tries
            again later.
        sqlalchemy.exc.ProgrammingError: No table was made ahead for the new segment, and the role may not make one, see
            :mod:`core.usage.segment_tables`. Events go into the segment that is open.
    """
    with database.read() as session:
        segments = _segments(session)
    for _ in _expired(segments, rule, now):
        with database.write() as session:
            lock_ledger(session)
            if left := _expired(_segments(session), rule, now):
                _drop(session, left[0])
    if database.is_sqlite:
        last: int | None = 0
        while last is not None:
            last = _delete_rows(database, last)
    else:
        empty_tables(database, DELETE_ROWS)
    if _is_full(segments, rule, now):
        with database.write() as session:
            lock_ledger(session)
            if _is_full(segments := _segments(session), rule, now):
                _open(session, LedgerSegment(number=segments[-1].number + 1, opened_at=now))


def require_dedup_window(session: Session, settings: Settings, now: datetime) -> None:
    """Raise :class:`BadSetting` if the deduplication window is longer than the ledger."""
    since = complete_since(session)
    if since is not None and now - settings.dedup_window < since + settings.future_tolerance:
        days = (now - since - settings.future_tolerance).days
        raise BadSetting(
            f"ALLOWANCE_DEDUP_WINDOW_DAYS: the ledger holds only events that arrived since {since:%Y-%m-%d}, so a "
            f"retry of an older event could count twice. Set {days} at most, and raise ALLOWANCE_LEDGER_DAYS for a "
            "longer window later."
        )


def complete_since(session: Session) -> datetime | None:
    """Return the time since when the ledger holds every event that arrived; None if nothing was ever dropped."""
    oldest = _segments(session)[0]
    return None if oldest.number == FIRST_SEGMENT else oldest.opened_at


def _segments(session: Session) -> Sequence[LedgerSegment]:
    return session.exec(select(LedgerSegment).order_by(col(LedgerSegment.number))).all()


def _is_full(segments: Sequence[LedgerSegment], rule: SegmentRetention, now: datetime) -> bool:
    return now - segments[-1].opened_at >= rule.open_for


def _expired(segments: Sequence[LedgerSegment], rule: SegmentRetention, now: datetime) -> list[LedgerSegment]:
    """Return the segments that were closed, by the opening of the next one, long enough ago."""
    return [segment for segment, following in pairwise(segments) if now - following.opened_at >= rule.keep_for]


def _open(session: Session, segment: LedgerSegment) -> None:
    if is_postgresql(session):
        make_table(session, segment.number)
    session.add(segment)


def _drop(session: Session, segment: LedgerSegment) -> None:
    if is_postgresql(session):
        drop_table(session, segment.number)
    session.delete(segment)


def _delete_rows(database: Database, after: int) -> int | None:
    """Delete rows of dropped segments among the next rows after a rowid.

    Returns:
        The last rowid of these, or None if no rows of dropped segments come after it.
    """
    ledger = LedgerEvent.__table__  # type: ignore[attr-defined]
    rowid: sa.ColumnClause[Any] = sa.literal_column("rowid")
    with database.write() as session:
        first = session.exec(select(sa.func.min(LedgerSegment.number))).one()
        following = sa.select(rowid, ledger.c.segment).where(rowid > after).order_by(rowid).limit(DELETE_ROWS)
        rows = session.execute(following).all()
        # Segments were written in the order of their numbers, apart from segment 0.
        dropped = [number for number, segment in rows if FIRST_SEGMENT <= segment < first]
        if dropped:
            within = rowid.between(dropped[0], dropped[-1])
            session.execute(sa.delete(ledger).where(within, ledger.c.segment.between(FIRST_SEGMENT, first - 1)))
        if len(rows) < DELETE_ROWS or any(segment >= first for _, segment in rows):
            return None
        return int(rows[-1][0])
