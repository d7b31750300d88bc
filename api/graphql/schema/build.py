"""The schema, and what its errors say to callers."""

import logging
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema

from api.graphql.errors import coded, refusal
from api.graphql.limits.deadline import TIMED_OUT
from api.graphql.schema.common.scalars import CONFIG
from api.graphql.schema.mutations import Mutation
from api.graphql.schema.queries import Query
from api.graphql.schema.subscriptions import Subscription
from core.database.engine import is_away, is_cut_off
from core.errors import AllowanceError, Unavailable

logger = logging.getLogger(__name__)

INTERNAL = "INTERNAL"


class Schema(strawberry.Schema):
    """The schema. Its operations are prepared and executed in :mod:`api.graphql.operations`."""

    @property
    def graphql(self) -> GraphQLSchema:
        """The same for graphql-core."""
        return self._schema


schema = Schema(Query, Mutation, Subscription, config=CONFIG)


def presentable(error: GraphQLError, trace: str) -> dict[str, Any]:
    """The error as a caller gets it: with a code and the id of its trace, and without internals."""
    shown = error.formatted
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, AllowanceError):
        return {**shown, **refusal(cause, trace)}
    # What has a place in the document and no path was refused before any resolver ran.
    if cause is None or (error.path is None and error.nodes):
        code = (error.extensions or {}).get("code", "BAD_INPUT")
        return {**shown, **coded(error.message, code, trace)}
    if is_cut_off(cause):
        message = "The database took longer than is allowed. Ask for less, or for shorter pages."
        return {**shown, **coded(message, TIMED_OUT, trace)}
    logger.error("GraphQL field %s failed, trace %s", error.path, trace, exc_info=cause)
    if is_away(cause):
        message = f"The database does not answer now; try again. If it lasts, quote trace {trace} to the operator."
        return {**shown, **coded(message, Unavailable.code, trace)}
    return {**shown, **coded(something_failed(trace), INTERNAL, trace)}


def something_failed(trace: str) -> str:
    """What callers are told of a fault."""
    return f"Something failed on our side. Quote trace {trace} to the operator."
