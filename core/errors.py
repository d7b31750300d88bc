"""The one tree of errors that a person may see. Anything else is a fault, and is masked at the edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar


class AllowanceError(Exception):
    """Base of all expected errors: a stable `code`, an HTTP `status`, and a message for a person.

    The message says what is wrong, where, and what to do. It never holds internals.
    """

    code: ClassVar[str] = "ERROR"
    status: ClassVar[int] = 400
    retry_after: int | None = None
    """Seconds after which trying again makes sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(AllowanceError):
    """No bearer token, or one that no key matches."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(AllowanceError):
    """The key lacks the scope or the license; says nothing of whether the license exists."""

    code = "FORBIDDEN"
    status = 403


class NotFound(AllowanceError):
    """What a caller with the right to know named is not there."""

    code = "NOT_FOUND"
    status = 404


class BadInput(AllowanceError):
    """A value that cannot be used."""

    code = "BAD_INPUT"


class BadCursor(AllowanceError):
    """A pagination cursor that this field did not give out."""

    code = "BAD_CURSOR"


class TooLarge(AllowanceError):
    """More than is taken at once."""

    code = "TOO_LARGE"
    status = 413


class BadSetting(AllowanceError):
    """A setting that cannot be used; names it."""

    code = "BAD_SETTING"


class SchemaNotCurrent(AllowanceError):
    """The database's schema is not the one of this version."""

    code = "SCHEMA_NOT_CURRENT"
    status = 503


class Unavailable(AllowanceError):
    """Something that is needed does not answer now; trying again later may help."""

    code = "UNAVAILABLE"
    status = 503
    retry_after = 5


class RateLimited(AllowanceError):
    """More calls from one key than it may make; says when to come back."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, what: str, retry_after: float) -> None:
        self.retry_after = max(1, ceil(retry_after))
        super().__init__(f"{what} Come back in {self.retry_after} s.")


@dataclass(frozen=True, slots=True)
class InputProblem:
    """One thing wrong in an input: `path` leads to the field, as ``("terms", "0", "key")``."""

    code: str
    message: str
    path: tuple[str, ...]


class InvalidInput(BadInput):
    """An input with one or several things wrong; nothing of it was applied."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[InputProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class Overloaded(Unavailable):
    """More events wait to be committed than there is room for."""

    code = "OVERLOADED"
