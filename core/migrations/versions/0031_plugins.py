"""Keep what plugins declared, the keys that they hold, and the pauses of meters that failed."""

import sqlalchemy as sa
from alembic import op

from core.database.types import Json, Name, UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plugin",
        sa.Column("name", Name, primary_key=True),
        sa.Column("distribution", Name, primary_key=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("declared", Json(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
    )
    op.create_table(
        "plugin_key",
        sa.Column("kind", Name, primary_key=True),
        sa.Column("key", Name, primary_key=True),
        sa.Column("plugin", Name, nullable=False),
        sa.Column("distribution", Name, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "meter_pause",
        sa.Column("meter", Name, primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
    )
