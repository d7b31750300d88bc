"""The parsing of instants and days from outside, and the microseconds of instants."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from core.errors import BadInput
from core.text import shown

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class NotAnInstant(ValueError):
    """A text that is no instant of RFC 3339, or an instant that does not exist; the message states which."""


def parse_instant(text: object) -> datetime:
    """Parse an instant, and return it in UTC. Digits finer than a microsecond are cut off.

    Raises:
        NotAnInstant: The text is no instant.
    """
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        value = "a list or an object" if isinstance(text, list | dict) else shown(text)  # may be too deep to show
        raise NotAnInstant(f"{value} is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAnInstant(f"{shown(text)} does not exist") from None


def microseconds(time: datetime) -> int:
    """Return the microseconds from the beginning of 1970 to an aware instant."""
    since = time - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(microseconds: int) -> datetime:
    """Return the instant in UTC that many microseconds after the beginning of 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


def parse_day(text: str, named: str) -> date:
    """Parse the day that a parameter or an option names.

    Args:
        text: The text.
        named: How the message calls it.

    Raises:
        BadInput: The text is not a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{named} {shown(text)} is not a day. Write it as 2026-05-01.") from None
