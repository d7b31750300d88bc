"""Results of mutations that report invalid input as data."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import strawberry

from core.errors import InvalidInput

P = ParamSpec("P")
R = TypeVar("R")


@strawberry.type(description="An error in the input of a mutation.")
class InputError:
    code: str = strawberry.field(description="The stable code of the error, for example `UNKNOWN_TERM`.")
    message: str = strawberry.field(description="A message for people: the error and how to mend it.")
    path: list[str] = strawberry.field(description='The path to the input field, for example `["terms", "0", "key"]`.')


def errors_field() -> Any:
    """Return the field `errors` of a mutation's result."""
    return strawberry.field(
        default_factory=list, description="All errors in the input. Empty if the mutation succeeded."
    )


def reports_errors(result: Callable[..., R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a mutation: invalid input becomes the `errors` of its result.

    Args:
        result: The type of the result; all its other fields have defaults.
    """

    def decorate(resolve: Callable[P, R]) -> Callable[P, R]:
        @wraps(resolve)
        def resolve_or_report(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return resolve(*args, **kwargs)
            except InvalidInput as invalid:
                return result(errors=_input_errors(invalid))

        return resolve_or_report

    return decorate


def _input_errors(invalid: InvalidInput) -> list[InputError]:
    return [InputError(code=one.code, message=one.message, path=list(one.path)) for one in invalid.problems]
