"""Further ratios and days of notice in contracts, requests for credits, and notices of credits that expire."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_request",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("amount", ExactDecimal(), nullable=False),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("closed_by", Name, nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "id"),
    )
    op.create_table(
        "credit_notice",
        sa.Column("license_id", BigId, nullable=False),
        sa.Column("grant_id", Name, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "grant_id", "days"),
    )
    # Contracts of before say what their default is.
    with op.batch_alter_table("contract") as contract:
        contract.add_column(sa.Column("alert_at", Json(), nullable=False, server_default="{}"))
        contract.add_column(sa.Column("expiry_notice_days", Json(), nullable=False, server_default="[30,7]"))
    with op.batch_alter_table("contract") as contract:
        contract.alter_column("alert_at", server_default=None)
        contract.alter_column("expiry_notice_days", server_default=None)
