"""Enums of the engine as types of the schema."""

from enum import EnumMeta

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


def describe_enum(enum: EnumMeta, description: str, name: str | None = None, **values: str) -> None:
    """Register a Python enum as a type of the schema, with a description of it and of each of its `values`."""
    strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]
