"""Requests for credits can be declined. Alerts, open requests and stuck deliveries are listed across licenses."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_request", sa.Column("declined_by", sa.String(), nullable=True))
    op.add_column("credit_request", sa.Column("declined_because", sa.String(), nullable=True))
    _create_partial("credit_request_open", "credit_request", ["requested_at", "id"], "closed_at IS NULL")
    op.create_index("alert_found", "alert", [sa.text("found_at DESC"), "id"])
    _create_partial("alert_open", "alert", [sa.text("found_at DESC"), "id"], "recovered_at IS NULL")
    _create_partial(
        "delivery_stuck",
        "delivery",
        [sa.text("created_at DESC"), "id"],
        "status = 'PARKED' OR (status = 'PENDING' AND (attempts > 1 OR (attempts = 1 AND claim IS NULL)))",
    )


def _create_partial(name: str, table: str, columns: list[str | sa.TextClause], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
