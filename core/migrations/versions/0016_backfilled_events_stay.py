"""Old events of backfills stay in segment 0 of the ledger, so that they never count twice."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE usage_event_0 (LIKE usage_event)")
        op.execute("ALTER TABLE usage_event_0 ADD PRIMARY KEY (license_id, source, id)")
        op.execute("ALTER TABLE usage_event ATTACH PARTITION usage_event_0 FOR VALUES IN (0)")
