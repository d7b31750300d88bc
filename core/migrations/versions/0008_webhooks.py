"""Webhook endpoints, the log of what was sent to them, and deliveries by their recipient."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Json, Name, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", Json(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_because", sa.String(), nullable=True),
        sa.Column("secrets", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
        sa.UniqueConstraint("license_id", "key"),
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("delivery_id", Name, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
    )
    op.create_index("webhook_attempt_delivery", "webhook_attempt", ["license_id", "delivery_id"])
    op.create_index("webhook_attempt_at", "webhook_attempt", ["at"])
    op.create_index("delivery_recipient", "delivery", ["license_id", "channel", "recipient", "created_at"])
    claimed = sa.text("claim IS NOT NULL")
    op.create_index(
        "delivery_claimed", "delivery", ["license_id", "channel"], sqlite_where=claimed, postgresql_where=claimed
    )
