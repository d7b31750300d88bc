"""Cursors: the place behind an exported row as a short text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date
from typing import Annotated, Final

import msgspec
import orjson

from core.errors import BadCursor
from core.exports.rows import ExportKind, Place, Position
from core.licenses.tables import LICENSE_KEY
from core.text import problem_with

_LARGEST: Final = 250_000_000_000_000_000
"""Microseconds since 1970 up to the year 9892."""
_LONGEST: Final = 1000
_DAYS: Final = frozenset({ExportKind.USAGE, ExportKind.COMMITMENTS})
"""The kinds whose positions end with a day."""
_Number = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_DECODER: Final = msgspec.json.Decoder(tuple[str, str, _Number, str])


def write_cursor(kind: ExportKind, license: str, position: Position) -> str:
    """Return the cursor of the row at a position."""
    return urlsafe_b64encode(orjson.dumps((kind, license, *position))).rstrip(b"=").decode()


def read_cursor(kind: ExportKind, license: str | None, text: str) -> Place:
    """Return the place behind the row of a cursor.

    Args:
        kind: The kind of the export.
        license: The license of the export; None for all licenses.
        text: The cursor, of an export of this kind and license.

    Raises:
        BadCursor: The text is no such cursor.
    """
    try:
        named, key, number, rest = _DECODER.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if kind in _DAYS:
            date.fromisoformat(rest.rpartition("/")[2])
    except (ValueError, msgspec.DecodeError):
        raise BadCursor("`after` is not a cursor that an export returned.") from None
    if not LICENSE_KEY.fullmatch(key) or problem_with(rest, _LONGEST):
        raise BadCursor("`after` is not a cursor that an export returned.")
    if named != kind or license not in (None, key):
        raise BadCursor("`after` is the cursor of another export: take it from one of the same kind and license.")
    return Place(key, Position(number, rest))
