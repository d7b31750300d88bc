"""Column types with the same meaning on SQLite and on PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from core.times import instant, microseconds

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key. SQLite generates values only for a column of the type INTEGER."""

Name = String(collation="C").with_variant(String(), "sqlite")
"""A text that both databases compare by code points, so that both order and page rows the same way."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored and returned in UTC. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value that the column stores for a value of the application; None stays None."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value of the application for a value of the column; None stays None."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Microseconds(TypeDecorator[datetime]):
    """An aware instant, stored as microseconds since 1970: small, and quick to write in bulk."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the value that the column stores for a value of the application; None stays None."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the value of the application for a value of the column; None stays None."""
        return None if value is None else instant(value)


class ExactDecimal(TypeDecorator[Decimal]):
    """An exact decimal stored as text, for numbers that the database never adds up."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Return the value that the column stores for a value of the application; None stays None."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Return the value of the application for a value of the column; None stays None."""
        return None if value is None else Decimal(value)


class Json(TypeDecorator[Any]):
    """A JSON document stored as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the value that the column stores for a value of the application; None stays None."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the value of the application for a value of the column; None stays None."""
        return None if value is None else orjson.loads(value)
