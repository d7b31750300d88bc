"""Columns and tables have the names of the code: details of deliveries, checkpoints of usage."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("delivery", "said", new_column_name="detail")
    op.rename_table("settled_usage", "usage_checkpoint")
