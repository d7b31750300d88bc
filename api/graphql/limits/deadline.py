"""How long a query may take: looked at whenever an object's fields are about to be resolved."""

from time import monotonic
from typing import Any

from graphql import OperationType

from api.graphql.errors import TIMED_OUT, coded
from api.graphql.framework import ExecutionContext


class OutOfTime(BaseException):
    """The deadline has passed.

    No :class:`Exception`, since execution would make those an error of one field and go on with the next.
    """


class TimedExecutor(ExecutionContext):
    """Executes until the context's `deadline`, on the clock of :func:`time.monotonic`; then raises :class:`OutOfTime`.

    A mutation is never cut off: what it wrote is committed, and who sent it has to learn of it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reads = self.operation.operation is not OperationType.MUTATION
        self._deadline: float = self.context_value.deadline if reads else float("inf")

    def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
        require_time(self._deadline)
        return super().execute_fields(parent_type, source, path, fields, position)


def require_time(deadline: float) -> None:
    """Raise :class:`OutOfTime` once the deadline has passed."""
    if monotonic() > deadline:
        raise OutOfTime


def timed_out(seconds: float, trace: str) -> dict[str, Any]:
    """The one error of a query that was cut off."""
    message = f"The query took more than {seconds:g} s, which is what is allowed. Ask for less, or for shorter pages."
    return coded(message, TIMED_OUT, trace)
