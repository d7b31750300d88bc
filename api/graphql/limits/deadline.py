"""The deadline of a query, checked whenever the fields of an object are about to be resolved."""

from time import monotonic
from typing import Any

from graphql import OperationType

from api.graphql.errors import TIMED_OUT, coded
from api.graphql.framework import ExecutionContext


class DeadlineExceeded(BaseException):
    """The error of a query whose deadline has passed.

    Not an :class:`Exception`: execution would make that an error of one field and go on with the next field.
    """


class DeadlineExecutor(ExecutionContext):
    """An executor that raises :class:`DeadlineExceeded` after the context's deadline.

    A mutation has no deadline: it may have committed, and its caller has to learn of that.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Execute an operation, with the arguments of graphql-core's executor."""
        super().__init__(*args, **kwargs)
        reads = self.operation.operation is not OperationType.MUTATION
        self._deadline: float = self.context_value.deadline if reads else float("inf")

    def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
        """Resolve the fields of an object, unless the deadline has passed."""
        check_deadline(self._deadline)
        return super().execute_fields(parent_type, source, path, fields, position)


def check_deadline(deadline: float) -> None:
    """Raise an error if the deadline has passed.

    Args:
        deadline: A moment on the clock of :func:`time.monotonic`.

    Raises:
        DeadlineExceeded: The deadline has passed.
    """
    if monotonic() > deadline:
        raise DeadlineExceeded


def timeout_error(seconds: float, trace: str) -> dict[str, Any]:
    """Return the only error of a query that passed its deadline of so many seconds."""
    message = f"The query took more than {seconds:g} s, which is what is allowed. Ask for less, or for shorter pages."
    return coded(message, TIMED_OUT, trace)
