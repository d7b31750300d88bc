"""JSON with exact numbers: a number with a point or an exponent is a Decimal.

Reading is by msgspec. orjson takes about as long, and reads such numbers as floats, which lose digits after the
seventeenth.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class NotJson(ValueError):
    """A text that is not JSON. The message states the reason and the place."""


def read_json(text: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises:
        NotJson: The text is not JSON, or has a number or a nesting that no reader takes.
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as error:
        raise NotJson(_reason(text, error)) from None


def write_json(value: object) -> bytes:
    """Return a value that was read by :func:`read_json` as JSON."""
    return _ENCODER.encode(value)


def _reason(text: bytes | str, error: Exception) -> str:
    """Return the reason for people, in the words of orjson, which names the kind of fault and the column."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8. Is it Latin-1? Write it in UTF-8"
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as reason:
        return f"{reason.msg}, at column {reason.colno}"
    return "a number in it is too long"
