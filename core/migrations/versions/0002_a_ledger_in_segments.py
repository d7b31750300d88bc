"""A ledger in segments, of which old ones are dropped; the content of a row tells a retry from another event."""

import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    segments = op.create_table(
        "ledger_segment",
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.get_bind().execute(sa.insert(segments).values(number=1, opened_at=sa.func.current_timestamp()))
    with op.batch_alter_table("usage_event") as ledger:
        ledger.drop_column("digest")
        ledger.add_column(sa.Column("segment", sa.SmallInteger(), nullable=False, server_default="1"))
    with op.batch_alter_table("usage_event") as ledger:
        ledger.alter_column("segment", server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE usage_event RENAME TO usage_event_1")
        op.execute("ALTER INDEX usage_event_pkey RENAME TO usage_event_1_pkey")
        op.execute("CREATE TABLE usage_event (LIKE usage_event_1) PARTITION BY LIST (segment)")
        op.execute("ALTER TABLE usage_event ATTACH PARTITION usage_event_1 FOR VALUES IN (1)")
        # Room in each page for the next version of a row, so that adding to a sum leaves the index alone.
        for table in ("usage_sum", "usage_level"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
