"""The limit of the values in the variables of a request, counted before any of them is checked."""

from typing import Final

from core.errors import AllowanceError

COERCION_ERRORS: Final = 10
"""Wrong values of variables that are reported. Each takes a search for similar names, and a text of what was sent."""
_CONTAINERS: Final = (dict, list)


class TooManyValues(AllowanceError):
    """A request whose variables hold too many values."""

    code = "TOO_MANY_VALUES"


def require_few_values(variables: object, most: int) -> None:
    """Check the number of values in JSON: items of lists and members of objects, at any depth.

    Raises:
        TooManyValues: There are more than `most`.
    """
    count = 0
    pending = [variables]
    while pending:
        container = pending.pop()
        inside = list(container.values()) if isinstance(container, dict) else container
        count += len(inside)  # type: ignore[arg-type]  # only containers are pending
        if count > most:
            raise TooManyValues(f"The variables hold more than {most} values. Send them in parts.")
        pending += [value for value in inside if isinstance(value, _CONTAINERS)]  # type: ignore[attr-defined]
