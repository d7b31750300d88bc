"""Cursors and global ids: opaque texts, whose values are checked when a text comes back."""

from datetime import datetime
from typing import Never

from api.graphql.opaque import decode
from core.errors import BadCursor, BadInput
from core.times import NotAnInstant, parse_instant


def decode_cursor(cursor: str, field: str, *kinds: type, argument: str = "after") -> list[object]:
    """Return the values of a cursor that a connection made.

    Args:
        cursor: The text from the caller.
        field: The name of the connection, which is the first value of its cursors.
        kinds: The types of the values that follow.
        argument: The name of the argument, for the error.

    Raises:
        BadCursor: The text is not a cursor of this connection.
    """
    values = decode(cursor)
    if (
        values is None
        or values[:1] != [field]
        or len(values) != len(kinds) + 1
        or not all(type(value) is kind for value, kind in zip(values[1:], kinds, strict=True))
    ):
        refuse_cursor(argument)
    return values[1:]


def cursor_time(value: object, argument: str = "after") -> datetime:
    """Return the instant that a value of a cursor states.

    Raises:
        BadCursor: The value is not an instant.
    """
    try:
        return parse_instant(value)
    except NotAnInstant:
        refuse_cursor(argument)


def refuse_cursor(argument: str = "after") -> Never:
    """Raise :class:`BadCursor` for an argument, which is `after` or `before`."""
    edge = "an endCursor" if argument == "after" else "a startCursor"
    raise BadCursor(f"`{argument}` is not a cursor of this connection. Use {edge} that it gave.")


def decode_id(text: str) -> list[str]:
    """Return the name of the type and the parts of the key that a global id encodes.

    Raises:
        BadInput: The text is not a global id.
    """
    values = decode(text)
    if not values or not all(isinstance(value, str) for value in values):
        refuse_id()
    return [str(value) for value in values]


def refuse_id() -> Never:
    """Raise :class:`BadInput` for a text that is not a global id."""
    raise BadInput("`id` is not an id that this API gave.")
