"""Texts from outside that are to be stored."""

import re
from decimal import Decimal
from typing import Final

_UNSTORABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def problem_with(value: object, longest: int) -> str | None:
    """What is wrong with a text that names something: not a text, empty, too long, control characters."""
    # What is printable holds no control characters, and asking costs less than searching for them.
    if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
        return None
    if not isinstance(value, str):
        return "must be a text"
    if not value:
        return "must not be empty"
    if len(value) > longest:
        return f"must have {longest} characters at most, not {len(value)}"
    if _UNSTORABLE.search(value):
        return "must not hold control characters"
    return None


def shown(value: object) -> str:
    """A value from outside as a message may repeat it: quoted and short."""
    text = str(value)
    return repr(text if len(text) <= 100 else text[:100] + "…")


def canonical(number: Decimal) -> Decimal:
    """The same number in the same digits always, since it is a part of a key."""
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
