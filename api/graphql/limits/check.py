"""The one way from the text of a document to what may be executed.

Strawberry's limiters of depth and aliases and graphql-complexity were weighed: each follows a fragment again wherever
it is spread, so that its own work doubles with each level of fragments in fragments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, GraphQLSyntaxError

from api.graphql.limits.cost import CostOfDocument
from api.graphql.limits.counts import check_counts
from api.graphql.limits.limits import Allowed, TooCostly
from api.graphql.limits.parse import parse_document
from api.graphql.limits.validate import validation_errors


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that may be executed, with any variables."""

    document: DocumentNode
    costs: CostOfDocument
    most: int

    def cost(self, operation: str | None, variables: Mapping[str, Any] | None) -> int:
        """What an operation costs with these variables. Raises :class:`TooCostly`."""
        cost = self.costs.of(operation, variables)
        if cost > self.most:
            raise TooCostly(f"The operation costs {cost}; {self.most} are allowed. Ask for less, or for shorter pages.")
        return cost


def check_document(schema: GraphQLSchema, text: str, allowed: Allowed) -> Checked | list[GraphQLError]:
    """The document of a text, read and checked; or what is wrong with it as GraphQL, each error with its code.

    The result depends on nothing but what is given, so it may be remembered by the text. Raises the errors of
    :mod:`api.graphql.limits.limits` for what passes a limit.
    """
    try:
        document = parse_document(text, allowed)
    except GraphQLSyntaxError as error:
        error.extensions = {"code": "GRAPHQL_PARSE_FAILED"}
        return [error]
    check_counts(document, allowed)
    errors = validation_errors(schema, document, allowed)
    return errors or Checked(document, CostOfDocument(schema, document), allowed.cost)


def cost_report(requested: int, allowed: Allowed) -> dict[str, Any]:
    """What an answer says of its cost, as its `extensions`."""
    return {"cost": {"requested": requested, "limit": allowed.cost}}
