"""Rows handed to a statement as one parameter, however many they are.

SQLAlchemy's ``values()`` was weighed: it binds each value as a parameter, of which a statement may have 65,535 in
PostgreSQL and 32,766 in SQLite.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.sql.selectable import CTE
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

_ELEMENTS: Final = {
    "postgresql": "jsonb_array_elements(CAST(:{} AS jsonb))",
    "sqlite": "json_each(:{})",
}


def values_table(
    session: Session, columns: Mapping[str, TypeEngine[Any]], rows: Sequence[Sequence[Any]], name: str = "given"
) -> CTE:
    """The rows as a table of the statement, each a sequence of what JSON can say in the order of the columns.

    Tables of one statement need different names.
    """
    dialect = session.get_bind().dialect
    read = (
        f"CAST(value ->> {place} AS {kind.compile(dialect)}) AS {column}"
        if dialect.name == "postgresql"
        else f"value ->> {place} AS {column}"
        for place, (column, kind) in enumerate(columns.items())
    )
    text = f"SELECT {', '.join(read)} FROM {_ELEMENTS[dialect.name].format(name)} AS value"  # noqa: S608 - names of ours alone
    table = sa.text(text).bindparams(sa.bindparam(name, orjson.dumps(rows).decode(), sa.String))
    return table.columns(*(sa.column(column, kind) for column, kind in columns.items())).cte(name)
