"""Licenses have a contact: the account manager whom their people ask."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("contact_name", "contact_email", "contact_url"):
        op.add_column("license", sa.Column(name, sa.String(), nullable=True))
