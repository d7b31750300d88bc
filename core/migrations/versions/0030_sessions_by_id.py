"""Sessions are looked up by their ids, to end the connections of those that have ended."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("access_session_id", "access_session", ["id"], unique=True)
