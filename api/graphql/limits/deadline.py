"""The deadline of a query, checked whenever the fields of an object are about to be resolved."""

from typing import Any

from graphql import OperationType

from api.concurrency.deadline import Deadline
from api.graphql.errors import TIMED_OUT, coded
from api.graphql.framework import ExecutionContext


class DeadlineExecutor(ExecutionContext):
    """An executor that raises :class:`DeadlineExceeded` after the context's deadline.

    A mutation has no deadline: it may have committed, and its caller has to learn of that.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Execute an operation, with the arguments of graphql-core's executor."""
        super().__init__(*args, **kwargs)
        reads = self.operation.operation is not OperationType.MUTATION
        self._deadline: Deadline = self.context_value.deadline if reads else Deadline()

    def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
        """Resolve the fields of an object, unless the deadline has passed."""
        self._deadline.check()
        return super().execute_fields(parent_type, source, path, fields, position)


def timeout_error(seconds: float, trace: str) -> dict[str, Any]:
    """Return the only error of a query that passed its deadline of so many seconds."""
    message = f"The query took more than {seconds:g} s, which is what is allowed. Ask for less, or for shorter pages."
    return coded(message, TIMED_OUT, trace)
