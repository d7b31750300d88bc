"""Alerts on forecasts are listed beside crossed thresholds, with a status and the time of the first message."""

import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("recovered_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("forecast_alert") as alert:
        alert.add_column(sa.Column("status", sa.String(), nullable=False, server_default="OK"))
        alert.add_column(sa.Column("notified_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("forecast_alert") as alert:
        alert.alter_column("status", server_default=None)
    op.create_index("forecast_alert_found", "forecast_alert", [sa.text("found_at DESC"), "id"])
    op.create_index(
        "forecast_alert_open",
        "forecast_alert",
        [sa.text("found_at DESC"), "id"],
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    )
