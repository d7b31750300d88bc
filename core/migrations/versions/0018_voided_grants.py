"""A grant of credits can be voided: what is left of it, or all of it."""

import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_grant", sa.Column("voided_at", UtcDateTime(), nullable=True))
    op.add_column("credit_grant", sa.Column("voided_by", sa.String(), nullable=True))
    op.add_column("credit_grant", sa.Column("void_note", sa.String(), nullable=True))
    op.add_column("credit_grant", sa.Column("voided_all", sa.Boolean(), nullable=False, server_default=sa.false()))
