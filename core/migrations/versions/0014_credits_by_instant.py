"""Usage that spends credits is found by its instant, and days are divided where grants begin or end."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_event", sa.Column("spends", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Of the events in the ledger only the type of the built-in meter is known to spend credits.
    op.execute(
        "UPDATE usage_event SET spends = true WHERE license_id IN (SELECT license_id FROM credit_grant) "
        "AND series_id IN (SELECT id FROM usage_series WHERE event = 'sms.sent')"
    )
    op.create_index(
        "usage_event_spending",
        "usage_event",
        ["license_id", "series_id", "day", "time"],
        postgresql_where=sa.text("spends"),
        sqlite_where=sa.text("spends"),
    )
    op.create_table(
        "credit_slice",
        sa.Column("license_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("series_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("starts_at", sa.BigInteger(), primary_key=True),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("nanos", sa.Integer(), nullable=False),
    )
