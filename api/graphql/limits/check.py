"""Checks of a document before it is executed: parsing, counts, validation and cost, in this order.

Strawberry's limiters of depth and aliases, and graphql-complexity, were weighed and not taken: each walks a fragment
again wherever it is spread, so that its own work doubles with each level of fragments in fragments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, GraphQLSyntaxError

from api.graphql.limits.cost import DocumentCost
from api.graphql.limits.counts import check_counts
from api.graphql.limits.limits import Limits, TooCostly
from api.graphql.limits.parse import parse_document
from api.graphql.limits.validate import validation_errors


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A valid document within its limits. Only the cost still depends on the variables."""

    document: DocumentNode
    costs: DocumentCost
    most: int
    """The highest cost of an operation."""
    tokens: int
    """The number of its tokens."""

    def cost(self, operation: str | None, variables: Mapping[str, Any] | None) -> int:
        """Return the cost of an operation with these variables.

        Raises:
            TooCostly: The cost is above the limit.
        """
        cost = self.costs.of(operation, variables)
        if cost > self.most:
            raise TooCostly(f"The operation costs {cost}; {self.most} are allowed. Ask for less, or for shorter pages.")
        return cost


def check_document(schema: GraphQLSchema, text: str, limits: Limits) -> CheckedDocument | list[GraphQLError]:
    """Return the checked document of a text, or the syntax and validation errors, each with its code.

    The result depends only on the arguments, so it may be cached by the text.

    Raises:
        core.errors.AllowanceError: A limit is passed: one of the errors of :mod:`api.graphql.limits.limits`.
    """
    try:
        document = parse_document(text, limits)
    except GraphQLSyntaxError as error:
        error.extensions = {"code": "GRAPHQL_PARSE_FAILED"}
        error.__traceback__ = None  # whose frames hold what was parsed, in circles
        return [error]
    tokens = _unlink_tokens(document)
    check_counts(document, limits)
    errors = validation_errors(schema, document, limits)
    return errors or CheckedDocument(document, DocumentCost(schema, document), limits.cost, tokens)


def _unlink_tokens(document: DocumentNode) -> int:
    """Return the number of tokens.

    They no longer name their neighbours. Such circles kept the memory of documents that were dropped until Python
    looked through all of its objects, which it seldom does.
    """
    count, token = 0, document.loc.start_token if document.loc else None
    while token is not None:
        count, following = count + 1, token.next
        token.prev = token.next = None
        token = following
    return count


def cost_report(requested: int, limits: Limits) -> dict[str, Any]:
    """Return the `extensions` of an answer, which report its cost."""
    return {"cost": {"requested": requested, "limit": limits.cost}}
