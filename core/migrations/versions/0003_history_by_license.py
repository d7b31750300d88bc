"""History in one row for each license and refresh, and settled usage beside the rollups."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from core.database.types import Json, Microseconds, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MANY = 1_000
"""Rows written at once."""


def upgrade() -> None:
    op.create_table(
        "reading_history",
        sa.Column("license_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Microseconds(), nullable=False),
        sa.Column("readings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("license_id", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "settled_usage",
        sa.Column("license_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("usage", Json(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id"),
    )
    new = sa.table(
        "reading_history",
        sa.column("license_id", sa.BigInteger()),
        sa.column("at", Microseconds()),
        sa.column("readings", sa.Text()),
    )
    old = sa.table(
        "reading_point",
        sa.column("license_id", sa.BigInteger()),
        sa.column("meter", sa.String()),
        sa.column("at", UtcDateTime()),
        sa.column("used", sa.String()),
        sa.column("limit", sa.String()),
        sa.column("status", sa.String()),
    )
    connection = op.get_bind()
    licenses = connection.execute(sa.select(old.c.license_id).distinct().order_by(old.c.license_id)).scalars().all()
    for license_id in licenses:
        points = connection.execute(sa.select(old).where(old.c.license_id == license_id).order_by(old.c.at)).all()
        rows = list(_rows(license_id, points))
        for begin in range(0, len(rows), MANY):
            op.bulk_insert(new, rows[begin : begin + MANY])
    op.drop_table("reading_point")


def _rows(license_id: int, points: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The points of a license, oldest first, as rows. Every entry is whole, which is always right."""
    for at, moment in groupby(points, key=lambda point: point.at):
        readings = {point.meter: [point.used, point.limit, point.status[0]] for point in moment}
        text = orjson.dumps(readings, option=orjson.OPT_SORT_KEYS).decode()
        yield {"license_id": license_id, "at": at, "readings": text}
