"""The schema, and what its errors say to callers."""

import logging
import uuid

import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionContext

from api.schema.mutations import Mutation
from api.schema.queries import Query
from api.schema.scalars import CONFIG
from core.errors import AllowanceError

logger = logging.getLogger(__name__)


class Schema(strawberry.Schema):
    """A schema whose unexpected errors go to the log by :func:`presentable`, once."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry would log expected errors, too."""


schema = Schema(Query, Mutation, config=CONFIG)


def presentable(error: GraphQLError, code: str = "BAD_INPUT") -> dict[str, object]:
    """The error as a caller gets it: with a code, and without internals.

    `code` is for errors of the request itself, which no resolver raised.
    """
    shown = error.formatted
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        return {**shown, "extensions": {"code": code}}
    if isinstance(cause, AllowanceError):
        return {**shown, "message": cause.message, "extensions": {"code": cause.code}}
    trace = uuid.uuid4().hex
    logger.error("GraphQL field %s failed, trace %s", error.path, trace, exc_info=cause)
    message = f"Something failed on our side. Quote trace {trace} to the operator."
    return {**shown, "message": message, "extensions": {"code": "INTERNAL", "trace": trace}}
