"""Conversion of the values of scalars and enums for the answers of plans."""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

_LARGEST_INT: Final = 2**31 - 1
PLAIN_TYPES: Final[dict[str, type]] = {GraphQLString.name: str, GraphQLID.name: str, GraphQLBoolean.name: bool}
"""Scalars, each with the Python type whose values need no conversion."""


class NotPlanned(Exception):
    """A part of a query that plans do not cover, or a value that a plan cannot answer."""


def serializer(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    """Return the function that converts a value for the answer; the function raises if it cannot."""
    serialize = type_.serialize
    if isinstance(type_, GraphQLEnumType):
        names = {value.value: name for name, value in type_.values.items()}
        return lambda value: names[value] if value in names else _known(serialize(value))
    if type_ is GraphQLFloat:
        return lambda value: value if type(value) is float and isfinite(value) else serialize(value)
    if type_ is GraphQLInt:
        return lambda value: value if type(value) is int and abs(value) <= _LARGEST_INT else serialize(value)
    if known := PLAIN_TYPES.get(type_.name):
        return lambda value: value if type(value) is known else serialize(value)
    return lambda value: _known(serialize(value))


def _known(serialized: Any) -> Any:
    if serialized is None or serialized is Undefined:
        raise NotPlanned
    return serialized
