"""Registration of the engine's enums as types of the schema."""

from enum import EnumMeta

import strawberry

from api.graphql.framework import describe_values


def describe_enum(enum: EnumMeta, description: str, name: str | None = None, **values: str) -> None:
    """Register a Python enum as a type of the schema.

    Args:
        enum: The enum.
        description: The description of the type.
        name: The name of the type, if it differs from the name of the enum.
        values: The description of each value, by the name of the value.
    """
    strawberry.enum(enum, name=name, description=description)
    describe_values(enum, values)
