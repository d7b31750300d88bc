"""The schema, and what its errors say to callers."""

import logging
import uuid
from collections.abc import Iterator

import strawberry
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from api.context import Context
from api.limits.deadline import TIMED_OUT, TimedExecutor
from api.schema.mutations import Mutation
from api.schema.queries import Query
from api.schema.scalars import CONFIG
from core.database.engine import is_away, is_cut_off
from core.errors import AllowanceError, BadInput, Unavailable

logger = logging.getLogger(__name__)


class OperationNotNamed(BadInput):
    """A document of several operations, and nothing says which one is meant."""

    code = "BAD_REQUEST"


class Schema(strawberry.Schema):
    """A schema whose unexpected errors go to the log by :func:`presentable`, once."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry would log expected errors, too."""


class AlreadyPrepared(SchemaExtension):
    """Executes the context's document, which was read and validated by :func:`api.limits.prepare.prepare`."""

    def on_parse(self) -> Iterator[None]:
        context: Context = self.execution_context.context
        self.execution_context.graphql_document = context.document
        yield
        # Strawberry would execute the first of several.
        if context.operation is None:
            operations = [one for one in context.document.definitions if isinstance(one, OperationDefinitionNode)]
            if len(operations) > 1:
                raise OperationNotNamed("The document has several operations: name one with `operationName`.")

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


schema = Schema(Query, Mutation, config=CONFIG, extensions=[AlreadyPrepared], execution_context_class=TimedExecutor)


def presentable(error: GraphQLError) -> dict[str, object]:
    """The error as a caller gets it: with a code, and without internals."""
    shown = error.formatted
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, AllowanceError):
        wait = {} if cause.retry_after is None else {"retryAfter": cause.retry_after}
        return {**shown, "message": cause.message, "extensions": {"code": cause.code, **wait}}
    # What has a place in the document and no path was refused before any resolver ran.
    if cause is None or (error.path is None and error.nodes):
        return {**shown, "extensions": {"code": (error.extensions or {}).get("code", "BAD_INPUT")}}
    if is_cut_off(cause):
        message = "The database took longer than is allowed. Ask for less, or for shorter pages."
        return {**shown, "message": message, "extensions": {"code": TIMED_OUT}}
    trace = uuid.uuid4().hex
    logger.error("GraphQL field %s failed, trace %s", error.path, trace, exc_info=cause)
    if is_away(cause):
        message = f"The database does not answer now; try again. If it lasts, quote trace {trace} to the operator."
        return {**shown, "message": message, "extensions": {"code": Unavailable.code, "trace": trace}}
    message = f"Something failed on our side. Quote trace {trace} to the operator."
    return {**shown, "message": message, "extensions": {"code": "INTERNAL", "trace": trace}}
