"""Alerts state when a refresh found them, beside when the threshold was crossed; they were the same time before."""

import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("found_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE alert SET found_at = crossed_at")
    with op.batch_alter_table("alert") as alert:
        alert.alter_column("found_at", existing_type=UtcDateTime(), nullable=False)
