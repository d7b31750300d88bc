"""Events that cannot be read, named by their id where it can be found."""

import json
from typing import Any, NamedTuple

from core.text import shown
from core.usage.exact_json import NotJson, read_json


class UnreadableEvent(NamedTuple):
    """An event that cannot be read, in its place among others. Checking rejects it with this code and message."""

    id: str | None
    code: str
    message: str


def read_event(text: bytes) -> Any:
    """Return the value of a JSON text, or an :class:`UnreadableEvent` if it is not JSON."""
    try:
        return read_json(text)
    except NotJson as problem:
        identifier = find_id(text)
        name = "The event" if identifier is None else f"Event {shown(identifier)}"
        return UnreadableEvent(identifier, "BAD_JSON", f"{name} is not JSON: {problem}.")


def find_id(text: bytes) -> str | None:
    """Return the id of an event that is nearly JSON, or None.

    The standard library reads what most broken events hold: NaN, Infinity, half a surrogate pair.
    """
    try:
        event = json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    identifier = event.get("id") if isinstance(event, dict) else None
    return identifier if isinstance(identifier, str) else None
