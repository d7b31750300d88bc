"""Scalars of the schema, and the conversion of exact numbers and page sizes."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from core.errors import BadInput
from core.licenses.billing import InvalidDuration, parse_billing_period
from core.text import shown
from core.times import NotAnInstant, parse_instant

Duration = NewType("Duration", str)
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _parse_time(value: object) -> datetime:
    try:
        return parse_instant(value)
    except NotAnInstant as problem:
        raise GraphQLError(str(problem)) from None


def _parse_date(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise GraphQLError(f"{shown(value)} is not a date, as 2026-11-22")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise GraphQLError(f"{shown(value)} does not exist") from None


def _parse_duration(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{shown(value)} is not an ISO 8601 duration; write P1Y, P3M or P30D")
    try:
        parse_billing_period(value)
    except InvalidDuration as problem:
        raise GraphQLError(str(problem)) from None
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in RFC 3339 format. The offset is required, for example 2026-11-22T10:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=lambda value: value.isoformat().replace("+00:00", "Z"),
        parse_value=_parse_time,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day in ISO 8601 format, for example 2026-11-22.",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="A calendar duration in ISO 8601 format, in whole years, months, weeks or days, for example P1Y, "
        "P3M or P30D.",
        serialize=str,
        parse_value=_parse_duration,
    ),
}

CONFIG = StrawberryConfig(scalar_map=SCALARS)


def number(value: Decimal | None) -> float | None:
    """Return an exact number as a float, which is exact for whole numbers up to 2^53."""
    return None if value is None else float(value)


def decimal(value: float) -> Decimal:
    """Return the shortest decimal that reads as `value`, which is the number that the caller wrote."""
    return Decimal(repr(value))


def page_size(size: int | None, default: int, most: int = 100, argument: str = "first") -> int:
    """Return the size of a page of a connection, which an argument states, or the default if it is None.

    Raises:
        BadInput: The argument is not from 1 to `most`.
    """
    if size is None:
        return default
    if not 1 <= size <= most:
        raise BadInput(f"{argument} must be from 1 to {most}, not {size}.")
    return size
