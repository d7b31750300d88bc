"""Hard quotas: installations, quota windows, and what contracts say of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.database.types import Json, Microseconds, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String(collation="C").with_variant(sa.String(), "sqlite")
STORAGE: dict[str, Any] = {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 80}}


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("license_id", ID, nullable=False),
        sa.Column("meter", NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("identifier", NAME, nullable=True),
        sa.Column("place", Microseconds(), nullable=True),
        sa.Column("seen", Microseconds(), nullable=True),
        sa.Column("refused_at", Microseconds(), nullable=True),
        sa.Column("retry_at", Microseconds(), nullable=True),
        sa.PrimaryKeyConstraint("license_id", "meter", "digest"),
        **STORAGE,
    )
    op.create_table(
        "admission_window",
        sa.Column("license_id", ID, nullable=False),
        sa.Column("meter", NAME, nullable=False),
        sa.Column("starts_at", Microseconds(), nullable=False),
        sa.Column("ends_at", Microseconds(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("places", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("new", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used <= places", name="admission_window_has_room"),
        sa.PrimaryKeyConstraint("license_id", "meter", "starts_at"),
        **STORAGE,
    )
    op.create_table(
        "admission_day",
        sa.Column("license_id", ID, nullable=False),
        sa.Column("meter", NAME, nullable=False),
        sa.Column("starts_at", Microseconds(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("admitted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("license_id", "meter", "starts_at", "day"),
        **STORAGE,
    )
    op.create_table(
        "admission_register",
        sa.Column("license_id", ID, nullable=False),
        sa.Column("meter", NAME, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("tidy_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["license.id"]),
        sa.PrimaryKeyConstraint("license_id", "meter"),
    )
    op.create_index("ix_admission_register_tidy_at", "admission_register", ["tidy_at"])
    with op.batch_alter_table("contract") as contract:
        contract.add_column(sa.Column("quotas", Json(), nullable=False, server_default="{}"))
    with op.batch_alter_table("contract") as contract:
        contract.alter_column("quotas", server_default=None)
