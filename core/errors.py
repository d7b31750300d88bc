"""The errors that a person may see, all of one base class. Any other error is a fault, and is masked at the edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar


class AllowanceError(Exception):
    """The base of all expected errors: a stable `code`, an HTTP `status`, and a message for a person.

    The message states what is wrong, where, and what to do. It never holds internals.
    """

    code: ClassVar[str] = "ERROR"
    status: ClassVar[int] = 400
    retry_after: int | None = None
    """Seconds after which to try again, or None if that does not help."""

    def __init__(self, message: str) -> None:
        """Hold the message for a person."""
        super().__init__(message)
        self.message = message


class Unauthenticated(AllowanceError):
    """No bearer token, or a token that no key matches."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(AllowanceError):
    """The key lacks the scope or the license; the error does not reveal whether the license exists."""

    code = "FORBIDDEN"
    status = 403


class NotFound(AllowanceError):
    """A thing that a caller with the right to know named does not exist."""

    code = "NOT_FOUND"
    status = 404


class BadInput(AllowanceError):
    """A value that cannot be used."""

    code = "BAD_INPUT"


class BadCursor(AllowanceError):
    """A pagination cursor that this field did not return."""

    code = "BAD_CURSOR"


class TooLarge(AllowanceError):
    """More input than is accepted at once."""

    code = "TOO_LARGE"
    status = 413


class BadSetting(AllowanceError):
    """A setting that cannot be used; the message names it."""

    code = "BAD_SETTING"


class SchemaNotCurrent(AllowanceError):
    """The schema of the database is of another version of the application."""

    code = "SCHEMA_NOT_CURRENT"
    status = 503


class Unavailable(AllowanceError):
    """A service that is needed does not answer now; trying again later may help."""

    code = "UNAVAILABLE"
    status = 503
    retry_after = 5


class RateLimited(AllowanceError):
    """More calls with a key than it may make; the message states when to come back."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, what: str, retry_after: float) -> None:
        """State what is limited, and the seconds after which to come back."""
        self.retry_after = max(1, ceil(retry_after))
        super().__init__(f"{what} Come back in {self.retry_after} s.")


@dataclass(frozen=True, slots=True)
class InputProblem:
    """A fault in an input: `path` leads to the field, such as ``("terms", "0", "key")``."""

    code: str
    message: str
    path: tuple[str, ...]


class InvalidInput(BadInput):
    """An input with one or several faults; nothing of it was applied."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[InputProblem]) -> None:
        """Hold all faults; the message joins theirs."""
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class Overloaded(Unavailable):
    """More events wait to be committed than the process has room for."""

    code = "OVERLOADED"
