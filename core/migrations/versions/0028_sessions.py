"""Sessions, and the person who requests credits or a refresh."""

import sqlalchemy as sa
from alembic import op

from core.database.types import BigId, Json, Name, UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_session",
        sa.Column("license_id", BigId, sa.ForeignKey("license.id"), nullable=False),
        sa.Column("id", Name, nullable=False),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column("key_id", Name, sa.ForeignKey("api_key.id"), nullable=False),
        sa.Column("scopes", Json(), nullable=False),
        sa.Column("person", Json(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("license_id", "id"),
    )
    op.create_index("access_session_key", "access_session", ["key_id", "expires_at"])
    op.create_index("access_session_end", "access_session", ["expires_at"])
    op.add_column("credit_request", sa.Column("person", Json(), nullable=True))
    op.add_column("refresh_run", sa.Column("requested_by", sa.String(), nullable=True))
    op.add_column("refresh_run", sa.Column("person", Json(), nullable=True))
