"""Tables of events: which columns there may be, and how a row of them becomes an event."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.nearest import did_you_mean
from core.text import shown
from core.usage.files.rows import BadColumns

DIMENSION: Final = "dimensions."
"""What the name of a column begins with that holds one dimension."""
NOTES: Final = ("rejected_line", "rejected_code", "rejected_message")
"""The columns that come first in a file of rejected rows; they say nothing of the event."""

_REQUIRED: Final = ("id", "source", "type", "license")
_KNOWN: Final = (*_REQUIRED, "time", "quantity", "value", "entity", "dimensions")
_SAME: Final = {"subject": "license"}


class Columns:
    """The columns of a table by their names. Raises :class:`BadColumns`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names: Final = tuple(names)
        """As the file has them."""
        self.fields: Final = tuple(_SAME.get(name, name) for name in names)
        """What each is of the event."""
        for place, name in enumerate(self.fields):
            if name not in (*_KNOWN, *NOTES) and not (name.startswith(DIMENSION) and name != DIMENSION):
                raise BadColumns(
                    f"No column of events is named {shown(names[place])}.{did_you_mean(name, (*_KNOWN, *_SAME))} There "
                    f"may be {', '.join(_KNOWN)}, and {DIMENSION}NAME for a dimension. Rename or drop it."
                )
            if name in self.fields[:place]:
                raise BadColumns(f"Two columns say the event's {name}. Drop one.")
        missing = [name for name in _REQUIRED if name not in self.fields]
        if missing:
            raise BadColumns(
                f"There is no column {', '.join(missing)}. A table of events needs {', '.join(_REQUIRED)}."
            )
        self.kept: Final = [place for place, name in enumerate(self.fields) if name not in NOTES]
        """The places of those that a file of rejected rows has as well, behind its notes."""
        self._dimensions = [
            (place, name.removeprefix(DIMENSION))
            for place, name in enumerate(self.fields)
            if name.startswith(DIMENSION)
        ]

    def event(self, values: Sequence[Any]) -> dict[str, Any]:
        """The event of a row, as :func:`core.usage.events.check_events` takes it; None is a cell left empty."""
        event = dict(zip(self.fields, values, strict=True))
        if self._dimensions:
            own = {key: values[place] for place, key in self._dimensions if values[place] is not None}
            given = event.get("dimensions")
            if given is None or isinstance(given, Mapping):
                event["dimensions"] = {**(given or {}), **own}
        return event
