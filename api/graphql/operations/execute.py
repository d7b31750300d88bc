"""Execution of an operation: by its plan, or by graphql-core as the specification says."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType, execute_sync

from api.graphql.context import Context
from api.graphql.errors import present_error
from api.graphql.limits.deadline import DeadlineExecutor
from api.graphql.limits.values import COERCION_ERRORS
from api.graphql.operations.prepare import Operation, PreparedDocument
from api.graphql.schema.build import schema
from api.metrics import Fallback
from core.errors import AllowanceError
from core.languages.negotiation import ENGLISH_ALONE, Languages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperationCall:
    """An operation of a document, with the variables and the languages of a request."""

    prepared: PreparedDocument
    operation: Operation
    variables: dict[str, Any]
    languages: Languages = ENGLISH_ALONE

    @property
    def reads(self) -> bool:
        """True for a query."""
        return self.operation.kind is OperationType.QUERY

    @property
    def subscribes(self) -> bool:
        """True for a subscription."""
        return self.operation.kind is OperationType.SUBSCRIPTION

    @property
    def name(self) -> str | None:
        """Its name in the document."""
        name = self.operation.definition.name
        return name.value if name else None

    @property
    def cost(self) -> int:
        """Its cost. Raises :class:`api.graphql.limits.limits.TooCostly`."""
        return self.prepared.checked.cost(self.name, self.variables)


def execute(call: OperationCall, context: Context, count_fallback: Callable[[Fallback], None]) -> dict[str, Any]:
    """Return `data` and `errors` of the answer, each if there is any.

    Args:
        call: The operation.
        context: The context of its resolvers.
        count_fallback: Called when a query or subscription is executed by graphql-core instead of by its plan.

    Raises:
        api.graphql.limits.deadline.DeadlineExceeded: A query passed the context's deadline.
    """
    if call.operation.plan:
        try:
            return {"data": call.operation.plan(context, call.variables)}
        except (AllowanceError, GraphQLError):
            # graphql-core finds the error again, with its path and beside the fields that went well.
            count_fallback(Fallback.ERROR)
        except Exception as error:
            logger.debug("A plan failed: %r", error)
            count_fallback(Fallback.FAILED)
        context.reset()
    elif call.operation.kind is not OperationType.MUTATION:
        count_fallback(Fallback.UNPLANNED)
    result = _execute_by_core(call, context)
    errors = [present_error(error, context.trace) for error in result.errors or ()]
    if errors and result.data is None and not any("path" in error for error in errors):
        return {"errors": errors}
    return {"data": result.data, "errors": errors} if errors else {"data": result.data}


def _execute_by_core(call: OperationCall, context: Context) -> ExecutionResult:
    return execute_sync(
        schema.graphql,
        call.prepared.checked.document,
        context_value=context,
        variable_values=call.variables,
        operation_name=call.name,
        executor_class=DeadlineExecutor,
        max_coercion_errors=COERCION_ERRORS,
        hide_suggestions=not context.services.settings.introspection,
    )
