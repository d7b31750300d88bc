"""A license counts the closings of its entities, so that servers see that there is another."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("license", sa.Column("closings", sa.Integer(), nullable=False, server_default=sa.text("0")))
