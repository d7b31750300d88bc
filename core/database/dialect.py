"""Statements that differ between PostgreSQL and SQLite, and the size of statements that both accept."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.selectable import CTE
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from core.database.types import UtcDateTime

T = TypeVar("T")
_JSON_ELEMENTS: Final = {
    "postgresql": "jsonb_array_elements(CAST(:{} AS jsonb))",
    "sqlite": "json_each(:{})",
}


def is_postgresql(session: Session) -> bool:
    """Return whether the session is on PostgreSQL; otherwise it is on SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def insert_into(session: Session, table: type[Any]) -> Any:
    """Return an INSERT that can say ON CONFLICT, in the session's dialect."""
    dialect = postgresql if is_postgresql(session) else sqlite
    target: sa.Table = table.__table__
    return dialect.insert(target)


def current_time(session: Session) -> sa.ColumnElement[datetime]:
    """Return the database's present time, for what servers with clocks of their own must agree on.

    SQLite runs in this process, whose clock it would read.
    """
    if is_postgresql(session):
        return sa.type_coerce(sa.func.statement_timestamp(), UtcDateTime())
    return sa.literal(datetime.now(UTC), UtcDateTime())


def advisory_lock(session: Session, key: int) -> None:
    """Take PostgreSQL's advisory lock `key` until the transaction ends. SQLite has one writer anyway."""
    if is_postgresql(session):
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def parts(values: Collection[T], size: int = 1000) -> Iterator[list[T]]:
    """Yield the values in lists that the parameters of one statement have room for."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def values_table(
    session: Session, columns: Mapping[str, TypeEngine[Any]], rows: Sequence[Sequence[Any]], name: str = "given"
) -> CTE:
    """Return rows as a table of a statement, sent as one parameter however many rows there are.

    SQLAlchemy's ``values()`` was weighed: it binds each value as a parameter, of which a statement may have 65,535 in
    PostgreSQL and 32,766 in SQLite.

    Args:
        session: The session that will execute the statement.
        columns: The names and types of the columns.
        rows: Values in the order of the columns, of the types that JSON has.
        name: The name of the table. Tables of one statement need different names.
    """
    parameter = sa.bindparam(name, values_text(rows), sa.String)
    return _values_table(columns, parameter, name, on_postgresql=is_postgresql(session))


def open_values_table(columns: Mapping[str, TypeEngine[Any]], name: str, *, on_postgresql: bool) -> CTE:
    """Return a table as of :func:`values_table`, of a statement that is made once and executed with different rows.

    The rows are the parameter `name` of the statement, as :func:`values_text` writes them.
    """
    return _values_table(columns, sa.bindparam(name, type_=sa.String), name, on_postgresql=on_postgresql)


def values_text(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as the text of a parameter."""
    return orjson.dumps(rows).decode()


def _values_table(
    columns: Mapping[str, TypeEngine[Any]], parameter: sa.BindParameter[Any], name: str, *, on_postgresql: bool
) -> CTE:
    dialect: sa.Dialect = postgresql.dialect() if on_postgresql else sqlite.dialect()  # type: ignore[no-untyped-call]
    read = (
        f"CAST(value ->> {index} AS {kind.compile(dialect)}) AS {column}"
        if on_postgresql
        else f"value ->> {index} AS {column}"
        for index, (column, kind) in enumerate(columns.items())
    )
    text = f"SELECT {', '.join(read)} FROM {_JSON_ELEMENTS[dialect.name].format(name)} AS value"  # noqa: S608 - only names of ours
    table = sa.text(text).bindparams(parameter)
    return table.columns(*(sa.column(column, kind) for column, kind in columns.items())).cte(name)
