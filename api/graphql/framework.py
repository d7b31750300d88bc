"""The private parts of Strawberry and graphql-core that this package relies on; no other module imports any.

Each has a test in tests/api/graphql/test_framework.py, which fails when an update of either library changes it.
"""

from collections.abc import Mapping
from enum import EnumMeta
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import strawberry
from graphql import GraphQLError, GraphQLField, GraphQLSchema
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.arguments import convert_arguments
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

ExecutionContext = StrawberryGraphQLCoreExecutionContext
"""The executor of graphql-core as Strawberry adapts it."""

VALIDATION_RULES: Final = (MaybeNullValidationRule, OneOfInputValidationRule)
"""Strawberry's own rules, beside those of the specification."""

SchemaField: TypeAlias = StrawberryField

# graphql-core has no classes for these errors: only their messages differ.
_TOO_MANY_TOKENS: Final = "Document contains more than"
_TOO_DEEP: Final = "Document is nested too deeply"
_ABORTED: Final = "Validation aborted."


def exceeds_tokens(error: GraphQLError) -> bool:
    """Return whether the parser stopped at its limit of tokens or comments."""
    return _TOO_MANY_TOKENS in error.message


def exceeds_nesting(error: GraphQLError) -> bool:
    """Return whether the parser stopped since the document is nested too deeply."""
    return _TOO_DEEP in error.message


def bound_comparisons(steps: int) -> None:
    """Bound the steps that validation takes to compare fields of the same name, two for each pair."""
    # graphql-core reads its bound, which is 500,000, from its module at each validation.
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = steps


def is_aborted(error: GraphQLError) -> bool:
    """Return whether validation stopped at its bound of comparisons."""
    return error.message == _ABORTED


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the schema as graphql-core knows it."""
    return schema._schema


def field_of(definition: GraphQLField) -> SchemaField | None:
    """Return the field that Strawberry made a definition from; None if Strawberry did not make it."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return field if isinstance(field, StrawberryField) else None


def python_arguments(schema: strawberry.Schema, field: SchemaField, values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a field's Python function.

    Args:
        schema: The schema of the field.
        field: The field.
        values: Coerced values by the names that the schema gives to the arguments.
    """
    return convert_arguments(
        values, field.arguments, scalar_registry=schema.schema_converter.scalar_registry, config=schema.config
    )


def info_of(context: object) -> tuple[strawberry.Info[Any, Any], Any]:
    """Return the `info` of a resolver that reads nothing but its context.

    Returns:
        The object that Python functions take, and the object that graphql-core hands to Strawberry.
    """
    raw_info: Any = SimpleNamespace(context=context)
    no_field: Any = None
    return strawberry.Info(_raw_info=raw_info, _field=no_field), raw_info


def describe_values(enum: EnumMeta, descriptions: Mapping[str, str]) -> None:
    """Describe the values of a Python enum that is registered with Strawberry, by their names."""
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = descriptions[value.name]
