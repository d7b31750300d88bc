"""A snapshot counts its saved refreshes, which order the refreshes of workers with different clocks."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshot", sa.Column("refreshed", sa.Integer(), nullable=False, server_default="0"))
