"""The marker of a field that a put leaves out, apart from a field that is null."""

from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

T = TypeVar("T")


class LeftOutMarker(Enum):
    """The type of :data:`LEFT_OUT`. An enumeration, so that the type checker tells the marker from every value."""

    LEFT_OUT = "left out"


LeftOut: TypeAlias = Literal[LeftOutMarker.LEFT_OUT]
LEFT_OUT: Final = LeftOutMarker.LEFT_OUT
"""A field with this value keeps what is stored. A field that is None returns to its default."""


def resolve(value: T | LeftOut | None, stored: T, default: T) -> T:
    """Return the value of a field after a put.

    Args:
        value: The field of the input. LEFT_OUT keeps what is stored, None clears it.
        stored: The value of the field now, or the default if nothing is stored.
        default: The value of a cleared field.
    """
    if value is LEFT_OUT:
        return stored
    return default if value is None else value
