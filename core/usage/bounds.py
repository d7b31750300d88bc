"""The bounds of what usage may add to a license."""

from typing import Final, NamedTuple

from core.settings import Settings


class UsageBounds(NamedTuple):
    """The numbers of entities and series of a license from which on usage of new ones is rejected."""

    entities: int = 10_000
    series: int = 100_000


DEFAULT_BOUNDS: Final = UsageBounds()
"""The defaults of the settings."""


def usage_bounds(settings: Settings) -> UsageBounds:
    """Return the bounds that the settings state."""
    return UsageBounds(settings.max_entities, settings.max_series)
