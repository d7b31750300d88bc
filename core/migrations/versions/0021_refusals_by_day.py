"""The refusals of a quota window by day, so that readings of past days state how many were refused up to then.

Refusals were counted by window alone. They are dated to the last day on which the window gave a place, since a quota
refuses once it is full; to its first day if it gave none. The alert of a whole quota says EXCEEDED, as its threshold
does.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    op.add_column("admission_day", sa.Column("refused", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    key = "license_id", "meter", "starts_at"
    window = sa.table("admission_window", *map(sa.column, (*key, "refused")))
    day = sa.table("admission_day", *map(sa.column, (*key, "admitted", "refused")), sa.column("day", sa.Date()))
    connection = op.get_bind()
    of_window = sa.and_(*(day.c[name] == window.c[name] for name in key))
    last = sa.select(sa.func.max(day.c.day, type_=sa.Date())).where(of_window).scalar_subquery()
    refusing = sa.select(*(window.c[name] for name in (*key, "refused")), last.label("last")).where(
        window.c.refused > 0
    )
    for row in connection.execute(refusing).all():
        values = {name: getattr(row, name) for name in key}
        if row.last is None:
            first = (_EPOCH + timedelta(microseconds=row.starts_at)).date()
            connection.execute(day.insert().values(**values, day=first, admitted=0, refused=row.refused))
        else:
            is_last = sa.and_(*(day.c[name] == value for name, value in values.items()), day.c.day == row.last)
            connection.execute(day.update().where(is_last).values(refused=row.refused))
    op.execute("UPDATE alert SET status = 'EXCEEDED' WHERE ratio = '1' AND status = 'OK'")
