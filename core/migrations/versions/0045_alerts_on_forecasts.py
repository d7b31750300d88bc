"""Contracts state the ratios that alert once the forecast reaches them, and these alerts are recorded."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime

revision = "0045"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("contract") as contract:
        contract.add_column(sa.Column("forecast_at", Json(), nullable=False, server_default="{}"))
    with op.batch_alter_table("contract") as contract:
        contract.alter_column("forecast_at", server_default=None)
    op.create_table(
        "forecast_alert",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("meter", Name, nullable=False),
        sa.Column("period_first", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("ratio", ExactDecimal(), nullable=False),
        sa.Column("limit", ExactDecimal(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("contract_version", sa.Integer(), nullable=False),
        sa.Column("used", ExactDecimal(), nullable=False),
        sa.Column("expected", ExactDecimal(), nullable=False),
        sa.Column("low", ExactDecimal(), nullable=False),
        sa.Column("high", ExactDecimal(), nullable=False),
        sa.Column("exceeds_at", UtcDateTime(), nullable=True),
        sa.Column("exceeds_earliest", UtcDateTime(), nullable=True),
        sa.Column("exceeds_latest", UtcDateTime(), nullable=True),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("clear_from", sa.Date(), nullable=False),
        sa.Column("clear_to", sa.Date(), nullable=True),
        sa.Column("recovered_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("license_id", "id"),
        sa.UniqueConstraint("license_id", "meter", "period_first", "ratio", "limit"),
    )
