"""Suggestions of names that the database holds, for callers who may read them."""

from collections.abc import Callable, Iterable

from sqlmodel import Session

from core.nearest import did_you_mean

_WITHHELD = "suggestions_withheld"
"""The key of a session's `info` that is set if its messages must not name stored things."""


def withhold_suggestions(session: Session) -> None:
    """Let no message of a session name stored things: its caller may write, and not read."""
    session.info[_WITHHELD] = True


def suggest_stored(session: Session, name: str, known: Callable[[], Iterable[str]]) -> str:
    """Return `` Did you mean 'x'?`` with the nearest stored name, or an empty text.

    Args:
        session: The session of the caller.
        name: The unknown name.
        known: Reads the names. It is not called if the caller must not learn them.
    """
    return "" if session.info.get(_WITHHELD) else did_you_mean(name, known())
