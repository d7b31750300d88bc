"""Checks of texts from outside, and the text of decimals."""

import re
import unicodedata
from decimal import Decimal
from typing import Final

_UNSTORABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, also those from 0x80 on (C1), which terminals take for commands, and halves of characters."""
_REORDERING: Final = re.compile("[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Separators of lines, and all characters with the property Bidi_Control, with which a text looks like another."""
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Spaces without width, and the mark of byte order, which texts from files and web pages hold unseen."""


def problem_with(value: object, longest: int) -> str | None:
    """Return the fault of a text that names something, or None: no text, empty, too long, or control characters."""
    # A printable text holds no control characters, and isprintable costs less than a search for them.
    if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
        return None
    if not isinstance(value, str):
        return "must be a text"
    if not value:
        return "must not be empty"
    if len(value) > longest:
        return f"must have {longest} characters at most, not {len(value)}"
    return _problem_with_characters(value)


def _problem_with_characters(value: str) -> str | None:
    if _UNSTORABLE.search(value):
        return "must not hold control characters"
    if _REORDERING.search(value):
        return "must not hold line separators or characters that control the direction of text"
    return None


def visible(text: str) -> str:
    """Return a text for a terminal or a log, with a replacement character for what :func:`problem_with` refuses.

    Texts from before those characters were refused may hold them. Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return _REORDERING.sub("\ufffd", _UNSTORABLE.sub(lambda found: found[0] if found[0] in "\n\t" else "\ufffd", text))


def shown(value: object) -> str:
    """Return a value from outside as a message may repeat it: quoted and short."""
    text = str(value)
    return repr(text if len(text) <= 100 else text[:100] + "…")


def fold(text: str) -> str:
    """Return the text as a search compares it: equal for all cases and widths of the same letters.

    Upper case comes first, since case folding alone leaves the dotless "ı" apart from its capital "I".
    """
    folded = unicodedata.normalize("NFKC", text).upper().casefold()
    return unicodedata.normalize("NFKC", folded)


def fold_name(text: str) -> str:
    """Return a name as it is compared with others: equal for all cases, Unicode forms and spaces of the same letters.

    Compatible letters such as "²" and "2" stay different, unlike in :func:`fold`. Letters are decomposed first, so that
    the case of a letter and its accent does not depend on the form in which they came. The result may be empty.
    """
    spaced = " ".join(text.translate(_INVISIBLE).split())
    folded = unicodedata.normalize("NFD", spaced).upper().casefold()
    return unicodedata.normalize("NFC", folded)


def decimal_text(number: Decimal) -> str:
    """Return a decimal in plain digits, without zeros at the end of its fraction: equal numbers have equal texts."""
    text = str(number)
    if "E" in text:  # asked first, since formatting takes four times as long
        text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def canonical(number: Decimal) -> Decimal:
    """Return the number with the digits of :func:`decimal_text`, as a part of a key needs them."""
    return Decimal(decimal_text(number))
