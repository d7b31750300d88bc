"""Snapshots, read and written for many licenses in one statement each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select, update
from sqlmodel import Session, col

from core.consumption.readings.documents import Document, severity
from core.consumption.tables import Snapshot
from core.database.dialect import is_postgresql
from core.database.engine import CHANGED

# Putting a license inserts its snapshot, so a refresh only updates. The version grows with every write, even of nothing
# but the time of measurement, so that a cache of a version never serves anything old.
_WRITE: Final = {
    "postgresql": """
UPDATE snapshot SET version = version + 1, refreshed = refreshed + 1, severity = given.severity,
    readings = given.readings
FROM unnest(%b::bigint[], %b::int[], %b::text[]) AS given(license_id, severity, readings)
WHERE snapshot.license_id = given.license_id
""",
    "sqlite": """
UPDATE snapshot SET version = version + 1, refreshed = refreshed + 1, severity = :severity, readings = :readings
WHERE license_id = :license_id
""",
}


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


def write_snapshots(session: Session, readings: Mapping[int, Mapping[str, Document]]) -> None:
    """Replace the snapshots of licenses by id, each as a whole. `readings` are documents by license and meter."""
    if not readings:
        return
    _notify_on_commit(session, readings)
    rows = [
        (
            license_id,
            severity(documents.values()),
            orjson.dumps(documents).decode(),
        )
        for license_id, documents in sorted(readings.items())
    ]
    if is_postgresql(session):
        columns: Any = tuple(list(column) for column in zip(*rows, strict=True))
        session.connection().exec_driver_sql(_WRITE["postgresql"], columns)
    else:
        named = [dict(zip(("license_id", "severity", "readings"), row, strict=True)) for row in rows]
        session.connection().exec_driver_sql(_WRITE["sqlite"], named)


def mark_changed(session: Session, license_id: int) -> None:
    """Increase the version for a change outside the readings: of the license, its contract or its grants."""
    snapshot = update(Snapshot).where(col(Snapshot.license_id) == license_id)
    session.execute(snapshot.values(version=col(Snapshot.version) + 1))
    _notify_on_commit(session, [license_id])


def _notify_on_commit(session: Session, licenses: Collection[int]) -> None:
    """Name the licenses to those who listen to commits of this database."""
    session.info.setdefault(CHANGED, set()).update(licenses)
