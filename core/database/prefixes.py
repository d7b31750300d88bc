"""Look-up of a row by the beginning of its id, as commands show and accept it."""

from typing import Any, TypeVar

from sqlmodel import Session, col
from sqlmodel.sql.expression import SelectOfScalar

from core.errors import NotFound
from core.text import shown

T = TypeVar("T")


def find_by_prefix(
    session: Session, rows: SelectOfScalar[T], column: Any, prefix: str, *, plural: str, missing: str
) -> T:
    """Return the only row whose id begins with a prefix.

    Args:
        session: The session to read with.
        rows: A SELECT of the rows that may be found.
        column: The column of the id, whose values are letters and digits.
        prefix: The id or its beginning, as a person typed it.
        plural: What the rows are called if several match, as "alerts".
        missing: The message if no row matches.

    Raises:
        NotFound: If no row or several rows match.
    """
    # Only letters and digits: others are in no id, and some are wildcards of LIKE or refused by PostgreSQL.
    if prefix.isascii() and prefix.isalnum():
        found = session.exec(rows.where(col(column).startswith(prefix)).limit(2)).all()
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f"Several {plural} begin with {shown(prefix)}; give more of the id.")
    raise NotFound(missing)
