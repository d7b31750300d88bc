"""Counted usage is corrected by signed adjustments, and by cancelling events of the ledger."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, ExactDecimal, Name, UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_event", sa.Column("cancelled_by", Name, nullable=True))
    op.create_table(
        "usage_correction",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("id", Name, primary_key=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("corrected_at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.String(), nullable=True),
        sa.Column("quantity", ExactDecimal(), nullable=True),
        sa.Column("time", UtcDateTime(), nullable=True),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("dimensions", sa.String(), nullable=True),
        sa.Column("cancelled_source", Name, nullable=True),
        sa.Column("cancelled_id", Name, nullable=True),
    )
