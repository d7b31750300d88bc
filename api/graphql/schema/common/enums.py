"""Enums of the engine as types of the schema."""

from enum import EnumMeta

import strawberry

from api.graphql.framework import describe_values


def describe_enum(enum: EnumMeta, description: str, name: str | None = None, **values: str) -> None:
    """Register a Python enum as a type of the schema, with a description of it and of each of its `values`."""
    strawberry.enum(enum, name=name, description=description)
    describe_values(enum, values)
