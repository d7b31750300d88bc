"""Cursors and global ids: opaque texts that hold a few values, checked when they come back."""

import base64
import binascii
from datetime import datetime
from typing import Never

import orjson

from core.errors import BadCursor, BadInput
from core.times import NotAnInstant, parse_instant


def encode(*values: str | int | None) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def decode_cursor(cursor: str, field: str, *kinds: type) -> list[object]:
    """The values that `field` put in a cursor. Raises :class:`BadCursor` for any other text."""
    values = _decode(cursor)
    if (
        values is None
        or values[:1] != [field]
        or len(values) != len(kinds) + 1
        or not all(type(value) is kind for value, kind in zip(values[1:], kinds, strict=True))
    ):
        refuse_cursor()
    return values[1:]


def cursor_time(value: object) -> datetime:
    """An instant in a cursor. Raises :class:`BadCursor`."""
    try:
        return parse_instant(value)
    except NotAnInstant:
        refuse_cursor()


def refuse_cursor() -> Never:
    raise BadCursor("`after` is not a cursor of this connection. Use an endCursor that it gave.")


def decode_id(text: str) -> list[str]:
    """The type and key of a global id. Raises :class:`BadInput` for any other text."""
    values = _decode(text)
    if not values or not all(isinstance(value, str) for value in values):
        refuse_id()
    return [str(value) for value in values]


def refuse_id() -> Never:
    raise BadInput("`id` is not an id that this API gave.")


def _decode(text: str) -> list[object] | None:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(values, list) or not all(type(value) in (str, int) for value in values):
        return None
    # No key holds a null character, which PostgreSQL would not even compare.
    return values if not any("\0" in str(value) for value in values) else None
