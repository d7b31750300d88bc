"""Alerts, the messages that tell of them, and the outbox."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("meter", Name, nullable=False),
        sa.Column("period_first", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("ratio", ExactDecimal(), nullable=False),
        sa.Column("limit", ExactDecimal(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("contract_version", sa.Integer(), nullable=False),
        sa.Column("used", ExactDecimal(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("crossed_at", UtcDateTime(), nullable=False),
        sa.Column("recovered_at", UtcDateTime(), nullable=True),
        sa.Column("recovery_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
        sa.UniqueConstraint("license_id", "meter", "period_first", "ratio", "limit"),
    )
    op.create_table(
        "message",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
    )
    op.create_table(
        "delivery",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("message_id", Name, nullable=False),
        sa.Column("channel", Name, nullable=False),
        sa.Column("recipient", Name, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("said", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
        sa.UniqueConstraint("license_id", "message_id", "channel", "recipient"),
    )
    op.create_index("delivery_due", "delivery", ["due_at"])
    op.create_table(
        "mail_recipient",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("email", Name, nullable=False),
        sa.Column("token", Name, nullable=False),
        sa.Column("unsubscribed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "email"),
        sa.UniqueConstraint("token"),
    )
