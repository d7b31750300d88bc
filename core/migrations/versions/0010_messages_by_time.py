"""Messages are found by when they came up, to be dropped."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("message_occurred", "message", ["occurred_at"])
