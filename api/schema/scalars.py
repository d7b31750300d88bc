"""Scalars of the schema, and exact numbers on their way in and out."""

from datetime import datetime
from decimal import Decimal
from typing import NewType

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from core.errors import BadInput
from core.licenses.billing import InvalidDuration, parse_billing_period

Duration = NewType("Duration", str)


def _parse_time(value: object) -> datetime:
    try:
        time = datetime.fromisoformat(str(value).upper()) if isinstance(value, str) and "T" in value.upper() else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ValueError(f"{str(value)[:60]!r} is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z")
    return time


def _parse_duration(value: object) -> str:
    try:
        parse_billing_period(str(value))
    except InvalidDuration as problem:
        raise ValueError(str(problem)) from None
    return str(value)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant: RFC 3339, always with an offset.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=lambda value: value.isoformat().replace("+00:00", "Z"),
        parse_value=_parse_time,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="A calendar duration: ISO 8601 in whole years, months, weeks or days, as P1Y.",
        serialize=str,
        parse_value=_parse_duration,
    ),
}

CONFIG = StrawberryConfig(scalar_map=SCALARS)


def number(value: Decimal | None) -> float | None:
    """An exact number as the schema gives it: exact up to 2^53."""
    return None if value is None else float(value)


def decimal(value: float) -> Decimal:
    """The shortest decimal that reads as `value`, which is what its sender wrote."""
    return Decimal(repr(value))


def page_size(first: int | None, default: int, most: int = 100) -> int:
    """`first` of a connection, or its default. Raises :class:`BadInput` unless it is from 1 to `most`."""
    if first is None:
        return default
    if not 1 <= first <= most:
        raise BadInput(f"first must be from 1 to {most}, not {first}.")
    return first
