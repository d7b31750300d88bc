"""The secrets that sign the identifiers of a license's installations."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_in_secret",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=True),
        sa.Column("previous_until", UtcDateTime(), nullable=True),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
    )
