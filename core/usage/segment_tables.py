"""The tables of segments on PostgreSQL: a partition of the ledger each, made ahead by the owner of the tables.

So a role that may not create or drop tables opens segments for as long as there are tables ahead, and empties old ones.
"""

from typing import Final

from sqlmodel import Session, select

from core.database.dialect import is_postgresql
from core.database.engine import Database
from core.usage.tables import LedgerSegment

AHEAD: Final = 12
"""Tables that :func:`make_ahead` makes for segments to come: a year by the default settings, 12 days at the least."""
_NUMBERS: Final = """
    SELECT substring(child.relname FROM '[0-9]+$')::int FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = 'usage_event'::regclass
"""
_EMPTY: Final = """
    DELETE FROM usage_event WHERE segment = {number}
    AND ctid = ANY (ARRAY(SELECT ctid FROM usage_event WHERE segment = {number} LIMIT {limit}))
"""


def lock_ledger(session: Session) -> None:
    """Lock the ledger: writers into the open segment have committed, and new ones wait."""
    if is_postgresql(session):
        session.connection().exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        session.connection().exec_driver_sql("LOCK TABLE usage_event IN SHARE ROW EXCLUSIVE MODE")


def has_right(session: Session) -> bool:
    """Return whether the role owns the ledger, so that it may add and drop its tables."""
    owned = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'usage_event'::regclass"
    return bool(session.connection().exec_driver_sql(owned).scalar_one())


def make_table(session: Session, segment: int) -> None:
    """Make the table of a segment unless it was made ahead."""
    if segment in _numbers(session):
        return
    table = f"usage_event_{segment}"
    for statement in (
        f"CREATE TABLE {table} (LIKE usage_event)",
        f"ALTER TABLE {table} ADD PRIMARY KEY (license_id, source, id)",
        f"ALTER TABLE usage_event ATTACH PARTITION {table} FOR VALUES IN ({segment})",
    ):
        session.connection().exec_driver_sql(statement)


def drop_table(session: Session, segment: int) -> None:
    """Drop the table of a segment, or leave it to :func:`empty_tables` and to the owner."""
    if has_right(session):
        session.connection().exec_driver_sql(f"DROP TABLE usage_event_{segment}")


def empty_tables(database: Database, limit: int) -> None:
    """Delete the rows of segments that were dropped by a role that may not drop their tables.

    Args:
        database: The database, PostgreSQL.
        limit: The most rows that a transaction deletes.
    """
    with database.read() as session:
        dropped = _dropped(session)
    for number in dropped:
        left = True
        while left:
            with database.write() as session:
                deleted = session.connection().exec_driver_sql(_EMPTY.format(number=number, limit=limit))
                left = deleted.rowcount == limit


def make_ahead(database: Database) -> bool:
    """Make the tables of the next segments, and drop those that were emptied.

    Returns:
        Whether the role owns the ledger. Otherwise nothing is done.
    """
    with database.write() as session:
        if not is_postgresql(session):
            return True
        if not has_right(session):
            return False
        session.connection().exec_driver_sql("LOCK TABLE usage_event IN SHARE UPDATE EXCLUSIVE MODE")
        newest = max(session.exec(select(LedgerSegment.number)))
        for number in range(newest + 1, newest + 1 + AHEAD):
            make_table(session, number)
        emptied = _dropped(session)
    for number in emptied:
        with database.write() as session:
            lock_ledger(session)
            session.connection().exec_driver_sql(f"DROP TABLE IF EXISTS usage_event_{number}")
    return True


def _dropped(session: Session) -> list[int]:
    """Return the numbers of segments that were dropped and still have tables. Segment 0 is never dropped."""
    first = min(session.exec(select(LedgerSegment.number)))
    return [number for number in _numbers(session) if 0 < number < first]


def _numbers(session: Session) -> list[int]:
    return [number for (number,) in session.connection().exec_driver_sql(_NUMBERS)]
