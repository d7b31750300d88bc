"""Outlooks: the further usage of each meter, from which forecasts are made."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Json

revision = "0039"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outlooks",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), primary_key=True),
        sa.Column("stamps", Json(), nullable=False),
        sa.Column("outlooks", Json(), nullable=False),
    )
