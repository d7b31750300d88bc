"""Executes an operation: by its plan, or step by step as the specification says."""

import logging
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, OperationType, execute_sync

from api.graphql.context import Context
from api.graphql.errors import present_error
from api.graphql.limits.deadline import TimedExecutor
from api.graphql.operations.prepare import Operation, Prepared
from api.graphql.schema.build import schema

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be executed: an operation of a document, with its variables."""

    prepared: Prepared
    operation: Operation
    variables: dict[str, Any]

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.operation.kind is OperationType.QUERY

    @property
    def subscribes(self) -> bool:
        """Whether it is answered again and again."""
        return self.operation.kind is OperationType.SUBSCRIPTION

    @property
    def name(self) -> str | None:
        name = self.operation.definition.name
        return name.value if name else None

    @property
    def cost(self) -> int:
        """What it costs. Raises :class:`api.graphql.limits.limits.TooCostly`."""
        return self.prepared.checked.cost(self.name, self.variables)


def execute(asked: Asked, context: Context) -> dict[str, Any]:
    """`data` and `errors` of the answer, each where there is any.

    Raises :class:`api.graphql.limits.deadline.OutOfTime`.
    """
    if asked.operation.plan:
        try:
            return {"data": asked.operation.plan(context, asked.variables)}
        except Exception as error:
            # What went wrong, and where, is found out below.
            logger.debug("a plan gave up: %r", error)
            context.start_again()
    result = _step_by_step(asked, context)
    errors = [present_error(error, context.trace) for error in result.errors or ()]
    if errors and result.data is None and not any("path" in error for error in errors):
        return {"errors": errors}
    return {"data": result.data, "errors": errors} if errors else {"data": result.data}


def _step_by_step(asked: Asked, context: Context) -> ExecutionResult:
    return execute_sync(
        schema.graphql,
        asked.prepared.checked.document,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.name,
        executor_class=TimedExecutor,
        hide_suggestions=not context.runtime.settings.introspection,
    )
