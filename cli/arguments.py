"""The reading of arguments that several commands have."""

from datetime import date

from core.errors import BadInput
from core.text import shown


def day_of(text: str, option: str) -> date:
    """Return the day that an option names.

    Raises:
        BadInput: The text is not a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: {shown(text)} is not a day. Write it as 2026-05-01.") from None
