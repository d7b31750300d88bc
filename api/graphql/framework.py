"""The private parts of Strawberry and graphql-core that this package relies on; no other module imports any.

Each has a test in tests/api/graphql/test_framework.py, which fails when an update of either library changes it.
"""

from collections.abc import Mapping, Sequence
from enum import EnumMeta
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    Lexer,
    ParallelVisitor,
    Source,
    Token,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    visit,
)
from graphql.language.parser import Parser, nested_too_deeply_error
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import (
    FragmentNestingVisitor,
    ValidationAbortedError,
    query_document_keys_to_validate,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.arguments import convert_arguments
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from core.right_of_way import give_way

ExecutionContext = StrawberryGraphQLCoreExecutionContext
"""The executor of graphql-core as Strawberry adapts it."""

VALIDATION_RULES: Final = (MaybeNullValidationRule, OneOfInputValidationRule)
"""Strawberry's own rules, beside those of the specification."""

SchemaField: TypeAlias = StrawberryField

# graphql-core has no classes for these errors: only their messages differ.
_TOO_MANY_TOKENS: Final = "Document contains more than"
_TOO_DEEP: Final = "Document is nested too deeply"
_ABORTED: Final = "Validation aborted."
_TOO_MANY_ERRORS: Final = f"Too many validation errors, error limit reached. {_ABORTED}"


def exceeds_tokens(error: GraphQLError) -> bool:
    """Return whether the parser stopped at its limit of tokens or comments."""
    return _TOO_MANY_TOKENS in error.message


def exceeds_nesting(error: GraphQLError) -> bool:
    """Return whether the parser stopped since the document is nested too deeply."""
    return _TOO_DEEP in error.message


class _Lexer(Lexer):
    """A lexer that lets short work of other threads go first at each token."""

    def advance(self) -> Token:
        give_way()
        return super().advance()


def parse(text: str, most: int) -> DocumentNode:
    """Return the document of a text, as graphql-core's function of that name does.

    Args:
        text: The text.
        most: The most tokens, and the most comments.

    Raises:
        GraphQLSyntaxError: The text is not GraphQL, or has too many tokens, or is nested too deeply.
    """
    source = Source(text)
    parser = Parser(source, max_lexical_tokens=most, max_comments=most, lexer=_Lexer(source))
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    raise nested_too_deeply_error(parser)


def validate(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: Sequence[type[ASTValidationRule]],
    *,
    max_errors: int,
    hide_suggestions: bool,
) -> list[GraphQLError]:
    """Return the errors of a document, as graphql-core's function of that name does.

    Of its visitors, that function leaves circles, which keep the whole document until Python looks through all objects:
    some thousands for each document. This one leaves none.
    """
    errors: list[GraphQLError] = []

    def add(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError(_TOO_MANY_ERRORS)
        errors.append(error)

    types = TypeInfo(schema)
    context = ValidationContext(schema, document, types, add, hide_suggestions)
    visitors: list[Visitor] = [rule(context) for rule in rules]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if fragments:
        visitors.insert(0, FragmentNestingVisitor(fragments))
    together = ParallelVisitor(visitors)
    outermost = TypeInfoVisitor(types, together)
    try:
        visit(document, outermost, query_document_keys_to_validate)
    except ValidationAbortedError as error:
        error.__context__ = None
        errors.append(error.with_traceback(None))
    except RecursionError:
        errors.append(ValidationAbortedError(_ABORTED))
    finally:
        for visitor in (*visitors, together, outermost):
            vars(visitor).clear()
        vars(context).clear()
    return errors


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
