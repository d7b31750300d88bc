"""A license holds its key and name as a search folds them, so that the database's collation plays no part."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("license", sa.Column("search", sa.String(), nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    license = sa.table("license", sa.column("id"), sa.column("key"), sa.column("name"), sa.column("search"))
    rows = connection.execute(sa.select(license.c.id, license.c.key, license.c.name)).all()
    update = license.update().where(license.c.id == sa.bindparam("row")).values(search=sa.bindparam("folded"))
    if rows:
        folded = [{"row": row.id, "folded": f"{_fold(row.key)}\n{_fold(row.name)}"} for row in rows]
        connection.execute(update, folded)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper().casefold())
