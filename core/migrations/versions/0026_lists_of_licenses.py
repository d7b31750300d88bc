"""Licenses are listed by narrow rows of their own: by status, name, utilization and update, and by meter.

The rows are made from the snapshots. The next refresh of a license writes its row anew.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Name

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_BATCH: Final = 1000
_SEVERITY: Final = {"EXCEEDED": 4, "AT_RISK": 3, "UNKNOWN": 2, "OK": 1}
_NEVER: Final = 2**62


def upgrade() -> None:
    op.add_column("license", sa.Column("name_order", Name, nullable=False, server_default=sa.text("''")))
    op.create_table(
        "license_overview",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("license_key", Name, nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("utilization", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("stale_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("meters", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id"),
        sa.UniqueConstraint("license_key"),
    )
    _name_licenses()
    _list_snapshots()
    op.create_index("license_by_name", "license", ["name_order", "key"])
    op.create_index("license_overview_worst_first", "license_overview", [sa.text("severity DESC"), "license_key"])
    op.create_index("license_overview_utilization", "license_overview", [sa.text("utilization DESC"), "license_key"])
    op.create_index("license_overview_updated", "license_overview", ["updated_at", "license_key"])
    op.create_index("license_overview_changed", "license_overview", ["changed_at"])
    op.drop_index("snapshot_worst_first", "snapshot")
    op.drop_column("snapshot", "severity")


def _name_licenses() -> None:
    license = sa.table("license", sa.column("id"), sa.column("name"), sa.column("name_order"))
    connection = op.get_bind()
    rows = connection.execute(sa.select(license.c.id, license.c.name)).all()
    update = license.update().where(license.c.id == sa.bindparam("row")).values(name_order=sa.bindparam("ordered"))
    if rows:
        connection.execute(update, [{"row": row.id, "ordered": _alphabetical(row.name)} for row in rows])


def _list_snapshots() -> None:
    names = ("license_id", "license_key", "severity", "readings")
    snapshot = sa.table("snapshot", *map(sa.column, names))
    columns = ("utilization", "updated_at", "stale_at", "changed_at", "meters")
    overview = sa.table("license_overview", *map(sa.column, (*names[:3], *columns)))
    connection, last = op.get_bind(), -1
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    page = sa.select(snapshot).order_by(snapshot.c.license_id).limit(_BATCH)
    while rows := connection.execute(page.where(snapshot.c.license_id > last)).all():
        listed = [
            {"license_id": row.license_id, "license_key": row.license_key, "severity": row.severity, "changed_at": now}
            | _figures(orjson.loads(row.readings))
            for row in rows
        ]
        connection.execute(overview.insert(), listed)
        last = rows[-1].license_id


def _figures(readings: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a snapshot as a refresh makes them; a reading counts as stale after twice its interval."""
    utilization, stale_at = -1, _NEVER
    updated: list[int] = []
    meters: list[str] = []
    for meter, reading in readings.items():
        used, limit = reading.get("used"), float(reading.get("limit", 0))
        if used is not None or "limit" in reading:
            meters.append(f"|{meter}={_SEVERITY[reading['status']]}")
        if used is not None and limit > 0:
            utilization = max(utilization, int(min(float(used) / limit * 1_000_000, 1e15)))
        if "measured_at" in reading:
            measured_at = _microseconds(reading["measured_at"])
            updated.append(measured_at)
            if "problem" in reading:
                stale_at = 0
            elif "due_at" in reading:
                stale_at = min(stale_at, 2 * _microseconds(reading["due_at"]) - measured_at)
    return {
        "utilization": utilization,
        "updated_at": min(updated, default=0),
        "stale_at": stale_at,
        "meters": "".join(meters) + "|",
    }


def _microseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def _alphabetical(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).upper().casefold())
    letters = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if not unicodedata.combining(letter)))
