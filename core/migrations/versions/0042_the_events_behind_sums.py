"""Sums know the newest event behind them and how many were late, and events that were sent again are counted."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Microseconds, Name

revision = "0042"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_sum", sa.Column("late", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("usage_sum", sa.Column("last_time", Microseconds(), nullable=True))
    op.add_column("usage_sum", sa.Column("last_source", Name, nullable=True))
    op.add_column("usage_sum", sa.Column("last_id", Name, nullable=True))
    op.add_column("usage_sum", sa.Column("last_accepted", sa.BigInteger(), nullable=True))
    op.create_table(
        "usage_duplicates",
        sa.Column("license_id", BigId, primary_key=True, autoincrement=False),
        sa.Column("series_id", BigId, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
