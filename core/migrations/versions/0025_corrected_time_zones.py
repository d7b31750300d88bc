"""A license holds the time at which its time zone changed last, so that the days of its usage follow the change."""

import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("license", sa.Column("zone_changed_at", UtcDateTime(), nullable=True))
