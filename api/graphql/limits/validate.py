"""Validation of a document in bounded time: a document within its counts may still be slow to compare."""

from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NoSchemaIntrospectionCustomRule,
    specified_rules,
)

from api.graphql.framework import VALIDATION_RULES, bound_comparisons, is_aborted, validate
from api.graphql.limits.limits import Limits, TooMuchAlike
from core.right_of_way import give_way

COMPARISONS: Final = 25_000
"""Steps of comparing fields of the same name, two for each pair; a thousand fields would take a million."""
ERRORS: Final = 20
"""Errors that are reported. Each costs a search for similar names."""
bound_comparisons(COMPARISONS)


class _GiveWay(ASTValidationRule):
    """A rule that every document keeps, and that lets short work of other threads go first at each node."""

    def enter(self, _node: Node, *_: Any) -> None:
        """Let short work go first."""
        give_way()


_RULES: Final = (*specified_rules, *VALIDATION_RULES, _GiveWay)


class _NoIntrospection(NoSchemaIntrospectionCustomRule):
    """A rule that refuses `__schema` and `__type` with a code, and allows `__typename`."""

    def report_error(self, error: GraphQLError) -> None:
        """Report an error with its code."""
        error.extensions = {"code": "INTROSPECTION_DISABLED"}
        super().report_error(error)


def validation_errors(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Return the errors of a document, each with its code; an empty list if the document is valid.

    While introspection is switched off, errors do not suggest similar names either.

    Raises:
        TooMuchAlike: The document has too many fields of the same name to compare.
    """
    rules: tuple[Any, ...] = _RULES if limits.introspection else (*_RULES, _NoIntrospection)
    errors = validate(schema, document, rules, max_errors=ERRORS, hide_suggestions=not limits.introspection)
    if errors and is_aborted(errors[-1]):
        raise TooMuchAlike(
            "The document asks for the same fields so often that comparing them takes more than "
            f"{COMPARISONS} steps, which is what is allowed."
        )
    for error in errors:
        error.extensions = error.extensions or {"code": "GRAPHQL_VALIDATION_FAILED"}
    return errors
