"""The deadline of work in a thread."""

from time import monotonic

from core.right_of_way import give_way


class DeadlineExceeded(BaseException):
    """The error of a query whose deadline has passed.

    Not an :class:`Exception`: execution would make that an error of one field and go on with the next field.
    """


class Deadline:
    """The end of the time of one query. It has none until it begins, and it is over once its caller has gone."""

    def __init__(self) -> None:
        """Make a deadline of a query that did not begin."""
        self.has_begun = False
        self._at = float("inf")

    def begin(self, seconds: float) -> None:
        """Let the query end after so many seconds."""
        self.has_begun = True
        self._at = min(self._at, monotonic() + seconds)

    def cancel(self) -> None:
        """End the query as soon as possible; may be called by any thread."""
        self._at = float("-inf")

    def check(self) -> None:
        """Let short work of other threads go first; raise :class:`DeadlineExceeded` if the deadline has passed."""
        give_way()
        if monotonic() > self._at:
            raise DeadlineExceeded
