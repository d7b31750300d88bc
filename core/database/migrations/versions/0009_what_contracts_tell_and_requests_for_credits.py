"""What contracts say of telling people, and requests for credits."""

import sqlalchemy as sa
from alembic import op

from core.database.types import Json

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("contract") as contract:
        contract.add_column(sa.Column("alert_at", Json(), nullable=False, server_default="{}"))
    with op.batch_alter_table("contract") as contract:
        contract.alter_column("alert_at", server_default=None)
