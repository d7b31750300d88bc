"""Freed places: when an installation was first seen, the day of its place, and the record of what was freed."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Microseconds, Name, UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installation", sa.Column("first_seen", Microseconds(), nullable=True))
    op.add_column("installation", sa.Column("taken_on", sa.Date(), nullable=True))
    op.add_column(
        "admission_register", sa.Column("generation", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.create_table(
        "freed_places",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("meter", Name, primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("freed_at", UtcDateTime(), nullable=False),
        sa.Column("freed_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("freed", sa.Integer(), nullable=False),
        sa.Column("identifier", Name, nullable=True),
        sa.Column("first_seen_from", UtcDateTime(), nullable=True),
        sa.Column("first_seen_before", UtcDateTime(), nullable=True),
    )
