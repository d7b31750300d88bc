"""A report of a level holds when it was accepted, which decides between reports of the same time."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("usage_event", "usage_level"):
        op.add_column(table, sa.Column("accepted", sa.BigInteger(), nullable=True))
