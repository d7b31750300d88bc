"""Columns of an imported file: both modes, the outcome of its rows, and the place of the rejected rows."""

import sqlalchemy as sa
from alembic import op

from core.database.types import Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_before = sa.table(
    "imported_file",
    sa.column("digest"),
    sa.column("name"),
    sa.column("lines"),
    sa.column("started_at", UtcDateTime()),
    sa.column("finished_at", UtcDateTime()),
)


def upgrade() -> None:
    # There are few files, and a new table has the same primary key on both databases.
    files = op.get_bind().execute(sa.select(_before)).mappings().all()
    op.drop_table("imported_file")
    table = op.create_table(
        "imported_file",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("rejected", Json(), nullable=False),
        sa.Column("rejected_path", sa.String(), nullable=True),
        sa.Column("rejected_size", sa.BigInteger(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", "backfill"),
    )
    unknown = {"backfill": True, "accepted": 0, "duplicates": 0, "rejected": {}, "rejected_size": 0}
    op.bulk_insert(table, [{**file, **unknown} for file in files])
