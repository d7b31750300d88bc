"""Contracts end or are withdrawn, licenses are suspended, and each change of either raises the license's revision."""

import sqlalchemy as sa
from alembic import op

from core.database.types import Microseconds, UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("ends_on", sa.Date(), nullable=True))
    op.add_column("contract", sa.Column("withdrawn_at", UtcDateTime(), nullable=True))
    op.add_column("contract", sa.Column("withdrawn_by", sa.String(), nullable=True))
    op.add_column("license", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("license", sa.Column("suspended_at", Microseconds(), nullable=True))
    op.add_column("license", sa.Column("suspended_because", sa.String(), nullable=True))
    op.add_column("license", sa.Column("suspended_by", sa.String(), nullable=True))
