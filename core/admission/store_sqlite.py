"""Check-ins on SQLite. It has one writer, so a row cannot change between a read and a write of a transaction."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from core.admission.back_off import BackOff
from core.admission.quota import Quota
from core.admission.store import AdmitRequest, AdmitResult, InstallationKey, InstallationState, RefuseResult
from core.database.statements import load_statements
from core.times import microseconds

_SQL: Final = load_statements("core.admission", "sql/sqlite.sql")
_FIND: Final = _SQL["find"]
_REVISION: Final = _SQL["revision"]
_WINDOW: Final = _SQL["window"]
_OPEN_WINDOW: Final = _SQL["open_window"]
_ADMIT: Final = _SQL["admit"]
_COUNT_ADMITTED: Final = _SQL["count_admitted"]
_COUNT_ADMITTED_BY_DAY: Final = _SQL["count_admitted_by_day"]
_REFUSE: Final = _SQL["refuse"]
_COUNT_REFUSED: Final = _SQL["count_refused"]
_COUNT_REFUSED_BY_DAY: Final = _SQL["count_refused_by_day"]
_MARK_SEEN: Final = _SQL["mark_seen"]


def find(connection: Connection, keys: Sequence[InstallationKey]) -> list[InstallationState | None]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN") as cursor:
        return [_state(cursor.execute(_FIND, key).fetchone()) for key in keys]


def revisions(connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN") as cursor:
        return {license_id: cursor.execute(_REVISION, (license_id,)).fetchone()[0] for license_id in license_ids}


def admit(connection: Connection, requests: Sequence[AdmitRequest], now: datetime) -> list[AdmitResult | None]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        return [_admit(cursor, *request, now) for request in requests]


def _admit(cursor: Any, quota: Quota, identifiers: Mapping[bytes, str | None], now: datetime) -> AdmitResult | None:
    key = (quota.license_id, quota.meter)
    window = (*key, quota.starts_at)
    ends_at = microseconds(quota.window.end)
    if cursor.execute(_REVISION, key[:1]).fetchone()[0] != quota.revision:
        return None
    counter = cursor.execute(_WINDOW, window).fetchone()
    if counter is None or counter[2:] != (quota.places, ends_at):
        cursor.execute(_OPEN_WINDOW, (*window, ends_at, quota.window.time_zone, quota.places, quota.places))
        counter = cursor.execute(_WINDOW, window).fetchone()
    used, places = counter[:2]
    states = {digest: _state(cursor.execute(_FIND, (*key, digest)).fetchone()) for digest in identifiers}
    known = frozenset(digest for digest, state in states.items() if state and state.has_place_in(quota))
    room = len(states) if places is None else max(places - used, 0)
    admitted = [digest for digest in states if digest not in known][:room]
    if admitted:
        new = sum(state is None or state.seen is None for state in map(states.get, admitted))
        seen, day = microseconds(now), quota.day.isoformat()
        place = (quota.starts_at, seen, seen, day)
        cursor.executemany(_ADMIT, [(*key, digest, identifiers[digest], *place) for digest in admitted])
        cursor.execute(_COUNT_ADMITTED, (len(admitted), new, *window))
        cursor.execute(_COUNT_ADMITTED_BY_DAY, (*window, day, len(admitted)))
    return AdmitResult(frozenset(admitted), known, used + len(admitted), places)


def refuse(connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> RefuseResult:
    """See :class:`core.admission.store.Store`."""
    key = (quota.license_id, quota.meter)
    times = microseconds(back_off.refused_at), microseconds(back_off.retry_at)
    refused, counted, is_first = set(), 0, False
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        for digest in digests:
            state = _state(cursor.execute(_FIND, (*key, digest)).fetchone())
            if state and state.has_place_in(quota):
                continue
            stored = state and state.backing_off(back_off.refused_at)
            if stored and stored.retry_at <= back_off.retry_at:  # a later time is of a contract that was longer
                continue
            refused.add(digest)
            before = state.refused_at if state else None
            counted += before is None or before < quota.starts_at
        cursor.executemany(_REFUSE, [(*key, digest, *times) for digest in refused])
        if counted:
            window = (*key, quota.starts_at)
            is_first = cursor.execute(_COUNT_REFUSED, (counted, *window)).fetchone() == (counted,)
            cursor.execute(_COUNT_REFUSED_BY_DAY, (*window, quota.day.isoformat(), counted))
    return RefuseResult(frozenset(refused), is_first)


def flush(connection: Connection) -> None:
    """See :class:`core.admission.store.Store`. Nothing to wait for: every commit reaches the disk."""


def mark_seen(connection: Connection, keys: Sequence[InstallationKey], now: datetime) -> None:
    """See :class:`core.admission.store.Store`."""
    seen = microseconds(now)
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        cursor.executemany(_MARK_SEEN, [(seen, *key, seen) for key in keys])


@contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[Any]:
    """Open a transaction on a cursor of the driver: SQLAlchemy would cost more than these small statements."""
    driver = connection.connection.driver_connection
    cursor = driver.cursor()  # type: ignore[union-attr]
    try:
        cursor.execute(begin)
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OperationalError(begin, None, error) from error


def _state(row: Any) -> InstallationState | None:
    if row is None:
        return None
    place, seen, refused_at, retry_at = row
    return InstallationState(place, seen, refused_at, retry_at)
