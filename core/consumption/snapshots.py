"""Snapshots: read and written for many licenses at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select, update
from sqlmodel import Session, col

from core.consumption.readings.documents import Document
from core.consumption.readings.status import SEVERITY
from core.consumption.tables import Snapshot
from core.database.engine import CHANGED

# A license has its snapshot from the start, so there is nothing to insert. The version grows with whatever is written,
# be it the time of measurement alone: who keeps what a version showed never shows anything old.
_WRITE: Final = {
    "postgresql": """
UPDATE snapshot SET version = version + 1, severity = given.severity, readings = given.readings
FROM unnest(%b::bigint[], %b::int[], %b::text[]) AS given(license_id, severity, readings)
WHERE snapshot.license_id = given.license_id
""",
    "sqlite": """
UPDATE snapshot SET version = version + 1, severity = :severity, readings = :readings WHERE license_id = :license_id
""",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A license's snapshot: its version and the documents of its readings by meter."""

    version: int
    readings: Mapping[str, Document]


def load_snapshots(session: Session, licenses: Collection[int]) -> dict[int, Known]:
    """The snapshots of licenses by id."""
    rows = session.execute(
        select(col(Snapshot.license_id), col(Snapshot.version), col(Snapshot.readings)).where(
            col(Snapshot.license_id).in_(licenses)
        )
    )
    return {license_id: Known(version, readings) for license_id, version, readings in rows}


def lock_snapshots(session: Session, known: Mapping[int, Known]) -> dict[int, Known]:
    """The snapshots as they are now, locked until the transaction ends; only those that changed are read again."""
    licenses = col(Snapshot.license_id)
    versions = session.execute(
        select(licenses, col(Snapshot.version)).where(licenses.in_(known)).order_by(licenses).with_for_update()
    )
    changed = [license_id for license_id, version in versions if known[license_id].version != version]
    return {**known, **load_snapshots(session, changed)} if changed else dict(known)


def write_snapshots(session: Session, readings: Mapping[int, Mapping[str, Document]]) -> None:
    """Replace the readings of licenses by id, each as a whole."""
    if not readings:
        return
    _note(session, readings)
    rows = [
        (
            license_id,
            max(SEVERITY[document["status"]] for document in parts.values()),
            orjson.dumps(parts).decode(),
        )
        for license_id, parts in sorted(readings.items())
    ]
    if session.get_bind().dialect.name == "postgresql":
        columns: Any = tuple(list(column) for column in zip(*rows, strict=True))
        session.connection().exec_driver_sql(_WRITE["postgresql"], columns)
    else:
        named = [dict(zip(("license_id", "severity", "readings"), row, strict=True)) for row in rows]
        session.connection().exec_driver_sql(_WRITE["sqlite"], named)


def mark_changed(session: Session, license_id: int) -> None:
    """Let the version grow for a change that is not in the readings: of the license, its contract or its grants."""
    snapshot = update(Snapshot).where(col(Snapshot.license_id) == license_id)
    session.execute(snapshot.values(version=col(Snapshot.version) + 1))
    _note(session, [license_id])


def _note(session: Session, licenses: Collection[int]) -> None:
    session.info.setdefault(CHANGED, set()).update(licenses)
