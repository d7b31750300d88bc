"""Snapshots, read and written for many licenses in one statement each, with the rows by which licenses are listed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from allowance import Meter
from sqlalchemy import BigInteger, ColumnElement, cast, func, literal, select, update
from sqlmodel import Session, col

from core.consumption.overview import NEW_LICENSE, Overview, overview_of
from core.consumption.readings.documents import Document
from core.consumption.tables import LicenseOverview, Snapshot
from core.database.dialect import insert_into, is_postgresql
from core.database.engine import CHANGED
from core.times import microseconds

# Putting a license inserts its snapshot, so a refresh only updates. The version grows with every write, even of nothing
# but the time of measurement, so that a cache of a version never serves anything old.
_WRITE: Final = {
    "postgresql": """
WITH given AS (
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[])
        AS given(license_id, readings, severity, utilization, updated_at, stale_at, meters)
), written AS (
    UPDATE snapshot SET version = version + 1, refreshed = refreshed + 1, readings = given.readings
    FROM given WHERE snapshot.license_id = given.license_id
)
UPDATE license_overview SET severity = given.severity, utilization = given.utilization, updated_at = given.updated_at,
    stale_at = given.stale_at, meters = given.meters,
    changed_at = greatest(changed_at + 1, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))
FROM given WHERE license_overview.license_id = given.license_id
""",
    "sqlite": """
UPDATE snapshot SET version = version + 1, refreshed = refreshed + 1, readings = :readings
WHERE license_id = :license_id
""",
}
_LIST: Final = """
UPDATE license_overview SET severity = :severity, utilization = :utilization, updated_at = :updated_at,
    stale_at = :stale_at, meters = :meters, changed_at = max(changed_at + 1, :changed_at)
WHERE license_id = :license_id
"""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """The snapshot of a license: its version, its count of saved refreshes, and its documents by meter."""

    version: int
    refreshed: int
    readings: Mapping[str, Document]


def load_snapshots(session: Session, licenses: Collection[int]) -> dict[int, StoredSnapshot]:
    """Load the snapshots of licenses, by id."""
    rows = session.execute(
        select(col(Snapshot.license_id), col(Snapshot.version), col(Snapshot.refreshed), col(Snapshot.readings)).where(
            col(Snapshot.license_id).in_(licenses)
        )
    )
    return {
        license_id: StoredSnapshot(version, refreshed, readings) for license_id, version, refreshed, readings in rows
    }


def lock_snapshots(session: Session, loaded: Mapping[int, StoredSnapshot]) -> dict[int, StoredSnapshot]:
    """Lock the snapshots until the transaction ends, and return them as they are now, by license id.

    Only the snapshots whose version changed since they were `loaded` are read again.
    """
    licenses = col(Snapshot.license_id)
    versions = session.execute(
        select(licenses, col(Snapshot.version)).where(licenses.in_(loaded)).order_by(licenses).with_for_update()
    )
    changed = [license_id for license_id, version in versions if loaded[license_id].version != version]
    return {**loaded, **load_snapshots(session, changed)} if changed else dict(loaded)


def write_snapshots(
    session: Session, readings: Mapping[int, Mapping[str, Document]], meters: Mapping[str, Meter]
) -> None:
    """Replace the snapshots of licenses, each as a whole, and the rows by which the licenses are listed.

    Args:
        session: The session of a transaction that writes.
        readings: The documents by license id and meter.
        meters: The installed meters by key.
    """
    if not readings:
        return
    _notify_on_commit(session, readings)
    rows = [
        (license_id, orjson.dumps(documents).decode(), *overview_of(documents, meters))
        for license_id, documents in sorted(readings.items())
    ]
    if is_postgresql(session):
        columns: Any = tuple(list(column) for column in zip(*rows, strict=True))
        session.connection().exec_driver_sql(_WRITE["postgresql"], columns)
    else:
        changed_at = microseconds(datetime.now(UTC))
        named = [
            dict(zip(("license_id", "readings", *Overview._fields), row, strict=True), changed_at=changed_at)
            for row in rows
        ]
        session.connection().exec_driver_sql(_WRITE["sqlite"], named)
        session.connection().exec_driver_sql(_LIST, named)


def insert_snapshot(session: Session, license_id: int, key: str) -> None:
    """Insert the empty snapshot of a new license; nothing happens if the license has one."""
    snapshot = {"license_id": license_id, "license_key": key, "version": 0, "readings": {}}
    session.execute(insert_into(session, Snapshot).values(snapshot).on_conflict_do_nothing())
    overview = {"license_id": license_id, "license_key": key, **NEW_LICENSE._asdict(), "changed_at": _clock(session)}
    session.execute(insert_into(session, LicenseOverview).values(overview).on_conflict_do_nothing())


def mark_changed(session: Session, license_id: int, by: int = 1) -> None:
    """Increase the version for a change outside the readings: of the license, its contract, grants or places."""
    snapshot = update(Snapshot).where(col(Snapshot.license_id) == license_id)
    session.execute(snapshot.values(version=col(Snapshot.version) + by))
    overview = update(LicenseOverview).where(col(LicenseOverview.license_id) == license_id)
    session.execute(overview.values(changed_at=_later(session)))
    _notify_on_commit(session, [license_id])


def _clock(session: Session) -> ColumnElement[int]:
    """Return the time now in microseconds: the database's, as the clocks of its clients differ."""
    if is_postgresql(session):
        return cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
    return literal(microseconds(datetime.now(UTC)), BigInteger)


def _later(session: Session) -> ColumnElement[int]:
    """Return the time now, or a later one if the row changed at this time already: each change has its own."""
    latest = func.greatest if is_postgresql(session) else func.max
    return latest(col(LicenseOverview.changed_at) + 1, _clock(session))


def _notify_on_commit(session: Session, licenses: Collection[int]) -> None:
    """Name the licenses to those who listen to commits of this database."""
    session.info.setdefault(CHANGED, set()).update(licenses)
