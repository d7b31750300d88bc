"""Instants as texts from outside."""

import re
from datetime import UTC, datetime
from typing import Final

from core.text import shown

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class NotAnInstant(ValueError):
    """Not an instant as RFC 3339 writes it, or one that does not exist; the message says which."""


def parse_instant(text: object) -> datetime:
    """The instant in UTC, to the microsecond; what is finer is cut off. Raises :class:`NotAnInstant`."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise NotAnInstant(f"{shown(text)} is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAnInstant(f"{shown(text)} does not exist") from None
