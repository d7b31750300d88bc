"""The colour of each status, the same in every page and e-mail. ``core.consumption.readings`` decides the status."""

from collections.abc import Collection
from typing import Final

COLOURS: Final = {"EXCEEDED": "#dc2626", "AT_RISK": "#d97706", "UNKNOWN": "#6b7280", "OK": "#15803d"}
"""Red, yellow, grey and green by status, the worst status first. Each is readable on white."""

LINK: Final = "#1d4ed8"
"""Blue, for links and buttons."""


def worst_colour(statuses: Collection[str]) -> str:
    """Return the colour of the worst of several statuses, which is that of OK if there are none."""
    return next((colour for status, colour in COLOURS.items() if status in statuses), COLOURS["OK"])
