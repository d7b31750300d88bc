"""Pages of groups: the first rows of each of several groups, in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import inspect
from sqlmodel import SQLModel, col

T = TypeVar("T", bound=SQLModel)


def first_of_each(
    table: type[T], group: Any, order: Sequence[Any], most: int, *conditions: sa.ColumnElement[bool]
) -> sa.Select[T]:
    """Return a SELECT of the first rows of each group.

    Args:
        table: The table of the rows.
        group: The column whose values make the groups.
        order: The order of the rows, within a group and in the result. It must be total.
        most: The largest number of rows of a group.
        conditions: The conditions of the rows.
    """
    key = inspect(table).primary_key
    rank = sa.func.row_number().over(partition_by=col(group), order_by=order).label("rank")
    ranked = sa.select(*key, rank).where(*conditions).subquery()
    is_ranked = sa.and_(*(column == ranked.c[column.name] for column in key))
    return sa.select(table).join(ranked, is_ranked).where(ranked.c.rank <= most).order_by(*order)


def older_than(time: Any, key: Any, cursor: tuple[datetime, str]) -> sa.ColumnElement[bool]:
    """Return the condition of rows after a cursor, in the order of newest first and then by key.

    Args:
        time: The column of the time that rows are ordered by.
        key: The column that orders rows of the same time.
        cursor: The time and key of the last row of the page before.
    """
    at, last = cursor
    return sa.or_(col(time) < at, sa.and_(col(time) == at, col(key) > last))
