"""The ledger by age: in segments by time of arrival, the newest open, the oldest dropped as a whole.

A retry finds its event as long as it may be sent at all: a segment is dropped when the last event that it can hold
is older than the deduplication window, and as old again as the operator wants to be able to recount.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.engine import Database
from core.errors import BadSetting
from core.settings import Settings
from core.usage.tables import LedgerEvent, LedgerSegment

FIRST: Final = 1
"""The number of the first segment."""
STEP: Final = 5_000
"""Rows that one transaction deletes on SQLite, which has one writer."""
_LEAST: Final = timedelta(days=1)


class Retention(NamedTuple):
    """How long a segment is open, and how long it is kept from then on."""

    opened: timedelta
    kept: timedelta


def retention(settings: Settings) -> Retention:
    """By the settings. Segments are long enough that two or three are held: each costs every event a look-up."""
    kept = settings.dedup_window + settings.future_tolerance + timedelta(days=settings.ledger_days)
    return Retention(max(kept / 2, _LEAST), kept)


def keep_ledger(database: Database, rule: Retention, now: datetime) -> None:
    """Open a segment, and drop others, where it is time to. Any number of processes may call this at once.

    Raises an `OperationalError` where the ledger is busy for longer than ingestion should wait; to be tried again.
    """
    with database.read() as session:
        segments = _segments(session)
    if _is_full(segments, rule, now):
        with database.write() as session:
            _lock(session)
            if _is_full(segments := _segments(session), rule, now):
                _open(session, LedgerSegment(number=segments[-1].number + 1, opened_at=now))
    for _ in _outlived(segments, rule, now):
        with database.write() as session:
            _lock(session)
            if left := _outlived(_segments(session), rule, now):
                _drop(session, left[0])
    if database.is_sqlite:
        while _delete_some(database):
            pass


def require_reach(session: Session, settings: Settings, now: datetime) -> None:
    """Raise :class:`BadSetting` where retries might be sent of events that the ledger does not hold any more."""
    reached = held_from(session)
    if reached is not None and now - settings.dedup_window < reached + settings.future_tolerance:
        days = (now - reached - settings.future_tolerance).days
        raise BadSetting(
            f"ALLOWANCE_DEDUP_WINDOW_DAYS: the ledger holds only what came in since {reached:%Y-%m-%d}, so that a "
            f"retry of an older event could count twice. Set {days} at most, and raise ALLOWANCE_LEDGER_DAYS to have "
            "more later."
        )


def held_from(session: Session) -> datetime | None:
    """From when on the ledger holds all that arrived; None where nothing of it was ever dropped."""
    oldest = _segments(session)[0]
    return None if oldest.number == FIRST else oldest.opened_at


def _segments(session: Session) -> Sequence[LedgerSegment]:
    return session.exec(select(LedgerSegment).order_by(col(LedgerSegment.number))).all()


def _is_full(segments: Sequence[LedgerSegment], rule: Retention, now: datetime) -> bool:
    return now - segments[-1].opened_at >= rule.opened


def _outlived(segments: Sequence[LedgerSegment], rule: Retention, now: datetime) -> list[LedgerSegment]:
    """Those that were closed long enough ago: when the next one was opened."""
    return [segment for segment, following in pairwise(segments) if now - following.opened_at >= rule.kept]


def _lock(session: Session) -> None:
    """Have the ledger alone: whoever writes into the segment that is open has committed, and nobody goes on."""
    if _on_postgresql(session):
        session.connection().exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        session.connection().exec_driver_sql("LOCK TABLE usage_event IN SHARE ROW EXCLUSIVE MODE")


def _open(session: Session, segment: LedgerSegment) -> None:
    if _on_postgresql(session):
        table = f"usage_event_{segment.number}"
        for statement in (
            f"CREATE TABLE {table} (LIKE usage_event)",
            f"ALTER TABLE {table} ADD PRIMARY KEY (license_id, source, id)",
            f"ALTER TABLE usage_event ATTACH PARTITION {table} FOR VALUES IN ({segment.number})",
        ):
            session.connection().exec_driver_sql(statement)
    session.add(segment)


def _drop(session: Session, segment: LedgerSegment) -> None:
    if _on_postgresql(session):
        session.connection().exec_driver_sql(f"DROP TABLE usage_event_{segment.number}")
    session.delete(segment)


def _delete_some(database: Database) -> bool:
    """Delete a step's rows of segments that are dropped; whether there may be more."""
    ledger = LedgerEvent.__table__  # type: ignore[attr-defined]
    rowid: sa.ColumnClause[Any] = sa.literal_column("rowid")
    with database.write() as session:
        first = session.exec(select(sa.func.min(LedgerSegment.number))).one()
        oldest = sa.select(rowid).select_from(ledger).order_by(rowid).limit(STEP).scalar_subquery()
        # They were written in the order of their numbers, so the oldest are at the beginning.
        deleted = session.execute(sa.delete(ledger).where(rowid.in_(oldest), ledger.c.segment < first))
        return bool(getattr(deleted, "rowcount", 0) == STEP)


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
