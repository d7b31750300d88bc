"""Admission on SQLite, which has one writer: what is read in its transaction is still so when it writes."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from core.admission.back_off import BackOff
from core.admission.quota import Quota
from core.admission.store import AdmitResult, Candidates, Key, Record
from core.times import microseconds

_OF: Final = "license_id = ? AND meter = ? AND digest = ?"
_FIND: Final = f"SELECT place, seen, refused_at, retry_at FROM installation WHERE {_OF}"  # noqa: S608
_VERSIONS: Final = "SELECT coalesce(max(version), 0) FROM contract WHERE license_id = ?"
_WINDOW: Final = (
    "SELECT used, places, quota, ends_at FROM admission_window WHERE license_id = ? AND meter = ? AND starts_at = ?"
)
_OPEN: Final = """
INSERT INTO admission_window AS kept
  (license_id, meter, starts_at, ends_at, time_zone, quota, places, used, new, lost, refused)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)
ON CONFLICT (license_id, meter, starts_at) DO UPDATE
SET ends_at = excluded.ends_at, time_zone = excluded.time_zone, quota = excluded.quota,
    places = max(excluded.quota, kept.used)
"""
_ADMIT: Final = """
INSERT INTO installation (license_id, meter, digest, identifier, place, seen) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, digest) DO UPDATE
SET identifier = excluded.identifier, place = excluded.place, seen = excluded.seen, refused_at = NULL, retry_at = NULL
"""
_COUNT: Final = """
UPDATE admission_window SET used = used + ?, new = new + ? WHERE license_id = ? AND meter = ? AND starts_at = ?
"""
_COUNT_DAY: Final = """
INSERT INTO admission_day AS kept (license_id, meter, starts_at, day, admitted) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, starts_at, day) DO UPDATE SET admitted = kept.admitted + excluded.admitted
"""
_REFUSE: Final = """
INSERT INTO installation (license_id, meter, digest, refused_at, retry_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (license_id, meter, digest) DO UPDATE SET refused_at = excluded.refused_at, retry_at = excluded.retry_at
"""
_COUNT_REFUSED: Final = """
UPDATE admission_window SET refused = refused + ? WHERE license_id = ? AND meter = ? AND starts_at = ?
"""
_TOUCH: Final = f"UPDATE installation SET seen = ? WHERE {_OF} AND (seen IS NULL OR seen < ?)"  # noqa: S608


def find(connection: Connection, keys: Sequence[Key]) -> list[Record | None]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN") as cursor:
        return [_record(cursor.execute(_FIND, key).fetchone()) for key in keys]


def versions(connection: Connection, license_ids: Collection[int]) -> dict[int, int]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN") as cursor:
        found = {license_id: cursor.execute(_VERSIONS, (license_id,)).fetchone()[0] for license_id in license_ids}
    return {license_id: version for license_id, version in found.items() if version}


def admit(connection: Connection, asked: Sequence[Candidates], now: datetime) -> list[AdmitResult | None]:
    """See :class:`core.admission.store.Store`."""
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        return [_admit(cursor, one.quota, one.given, now) for one in asked]


def _admit(cursor: Any, quota: Quota, given: Mapping[bytes, str | None], now: datetime) -> AdmitResult | None:
    key = (quota.license_id, quota.meter)
    window = (*key, quota.starts_at)
    ends_at = microseconds(quota.window.end)
    if cursor.execute(_VERSIONS, key[:1]).fetchone()[0] != quota.versions:
        return None
    counter = cursor.execute(_WINDOW, window).fetchone()
    if counter is None or counter[2:] != (quota.places, ends_at):
        cursor.execute(_OPEN, (*window, ends_at, quota.window.time_zone, quota.places, quota.places))
        counter = cursor.execute(_WINDOW, window).fetchone()
    used, places = counter[:2]
    records = {digest: _record(cursor.execute(_FIND, (*key, digest)).fetchone()) for digest in given}
    known = frozenset(digest for digest, record in records.items() if record and record.has_place_in(quota))
    room = len(records) if places is None else max(places - used, 0)
    admitted = [digest for digest in records if digest not in known][:room]
    if admitted:
        new = sum(record is None or record.seen is None for record in map(records.get, admitted))
        seen = microseconds(now)
        cursor.executemany(_ADMIT, [(*key, digest, given[digest], quota.starts_at, seen) for digest in admitted])
        cursor.execute(_COUNT, (len(admitted), new, *window))
        cursor.execute(_COUNT_DAY, (*window, quota.day.isoformat(), len(admitted)))
    return AdmitResult(frozenset(admitted), known, used + len(admitted), places)


def refuse(connection: Connection, quota: Quota, digests: Sequence[bytes], back_off: BackOff) -> set[bytes]:
    """See :class:`core.admission.store.Store`."""
    key = (quota.license_id, quota.meter)
    times = microseconds(back_off.refused_at), microseconds(back_off.retry_at)
    refused, counted = set(), 0
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        for digest in digests:
            record = _record(cursor.execute(_FIND, (*key, digest)).fetchone())
            if record and (record.has_place_in(quota) or record.backing_off(back_off.refused_at)):
                continue
            refused.add(digest)
            before = record.refused_at if record else None
            counted += before is None or before < quota.starts_at
        cursor.executemany(_REFUSE, [(*key, digest, *times) for digest in refused])
        cursor.execute(_COUNT_REFUSED, (counted, *key, quota.starts_at))
    return refused


def flush(connection: Connection) -> None:
    """See :class:`core.admission.store.Store`. Each transaction waited for its own end."""


def touch(connection: Connection, keys: Sequence[Key], now: datetime) -> None:
    """See :class:`core.admission.store.Store`."""
    seen = microseconds(now)
    with _transaction(connection, "BEGIN IMMEDIATE") as cursor:
        cursor.executemany(_TOUCH, [(seen, *key, seen) for key in keys])


@contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[Any]:
    """A cursor of the driver itself in a transaction: a tiny statement costs less than what stands around it."""
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


def _record(row: Any) -> Record | None:
    if row is None:
        return None
    place, seen, refused_at, retry_at = row
    return Record(place, seen, refused_at, retry_at)
