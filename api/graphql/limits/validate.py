"""Validation in bounded time: what passes the counts may still be slow to compare."""

from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    specified_rules,
    validate,
)

from api.graphql.framework import VALIDATION_RULES, bound_comparisons, is_aborted
from api.graphql.limits.limits import Allowed, TooMuchAlike

COMPARISONS: Final = 25_000
"""Steps of comparing fields of the same name, two for each pair; a thousand fields would take a million."""
ERRORS: Final = 20
"""Errors that are told. Each costs its search for names that are near."""
_RULES: Final = (*specified_rules, *VALIDATION_RULES)
bound_comparisons(COMPARISONS)


class _NoIntrospection(NoSchemaIntrospectionCustomRule):
    """Refuses `__schema` and `__type`, with a code; `__typename` stays."""

    def report_error(self, error: GraphQLError) -> None:
        error.extensions = {"code": "INTROSPECTION_DISABLED"}
        super().report_error(error)


def validation_errors(schema: GraphQLSchema, document: DocumentNode, allowed: Allowed) -> list[GraphQLError]:
    """What is wrong with a document, each error with its code. Raises :class:`TooMuchAlike`.

    Where introspection is switched off, no error names what is near either.
    """
    rules: tuple[Any, ...] = _RULES if allowed.introspection else (*_RULES, _NoIntrospection)
    errors = validate(schema, document, rules, max_errors=ERRORS, hide_suggestions=not allowed.introspection)
    if errors and is_aborted(errors[-1]):
        raise TooMuchAlike(
            "The document asks for the same fields so often that comparing them takes more than "
            f"{COMPARISONS} steps, which is what is allowed."
        )
    for error in errors:
        error.extensions = error.extensions or {"code": "GRAPHQL_VALIDATION_FAILED"}
    return errors
