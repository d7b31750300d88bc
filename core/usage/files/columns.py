"""The columns of a table of events, and the event of a row."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.nearest import did_you_mean
from core.text import shown
from core.usage.files.rows import BadColumns

DIMENSION: Final = "dimensions."
"""The prefix of the name of a column that holds a dimension."""
NOTES: Final = ("rejected_line", "rejected_code", "rejected_message")
"""The first columns of a file of rejected rows. They are not part of the event."""

_REQUIRED: Final = ("id", "source", "type", "license")
_KNOWN: Final = (*_REQUIRED, "time", "quantity", "value", "entity", "dimensions")
_SYNONYMS: Final = {"subject": "license"}


class Columns:
    """The columns of a table."""

    def __init__(self, names: Sequence[str]) -> None:
        """Read the names of the columns. Raises :class:`BadColumns` if they are not those of events."""
        self.names: Final = tuple(names)
        """The names as the file has them."""
        self.fields: Final = tuple(_field(name) for name in names)
        """The field of the event that each column holds."""
        for index, name in enumerate(self.fields):
            if name not in (*_KNOWN, *NOTES) and not (name.startswith(DIMENSION) and name != DIMENSION):
                raise BadColumns(
                    f"No column of events is named {shown(names[index])}.{did_you_mean(name, (*_KNOWN, *_SYNONYMS))} "
                    f"There may be {', '.join(_KNOWN)}, and {DIMENSION}NAME for a dimension. Rename or drop it."
                )
            if name in self.fields[:index]:
                raise BadColumns(f"Two columns hold the event's {name}. Drop one.")
        missing = [name for name in _REQUIRED if name not in self.fields]
        if missing:
            raise BadColumns(
                f"There is no column {', '.join(missing)}. A table of events needs {', '.join(_REQUIRED)}."
            )
        self.of_event: Final = [index for index, name in enumerate(self.fields) if name not in NOTES]
        """The indexes of the columns of the event. A file of rejected rows has them behind its notes."""
        self._has_quantity = "quantity" in self.fields
        self._dimensions = [
            (index, name.removeprefix(DIMENSION))
            for index, name in enumerate(self.fields)
            if name.startswith(DIMENSION)
        ]

    def event(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the event of a row for :func:`core.usage.events.check_events`. None stands for an empty cell."""
        event = dict(zip(self.fields, values, strict=True))
        if self._has_quantity and event["quantity"] is None:
            del event["quantity"]  # an empty cell is no quantity, whereas a null in JSON is refused
        if self._dimensions:
            of_columns = {key: values[index] for index, key in self._dimensions if values[index] is not None}
            of_object = event.get("dimensions")
            if of_object is None or isinstance(of_object, Mapping):
                event["dimensions"] = {**(of_object or {}), **of_columns}
        return event


def _field(name: str) -> str:
    """Return the field of a column. The case of a column's name does not matter, but that of a dimension does."""
    lower = name.lower()
    if lower.startswith(DIMENSION):
        return DIMENSION + name[len(DIMENSION) :]
    return _SYNONYMS.get(lower, lower)
