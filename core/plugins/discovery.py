"""Discovery of the entry points of installed plugins."""

import logging
import re
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final
from weakref import WeakKeyDictionary

from allowance import ENTRY_POINT_GROUP

logger = logging.getLogger(__name__)

OWN_DISTRIBUTION: Final = "allowance-server"

_identities: Final[WeakKeyDictionary[Distribution, tuple[str, str]]] = WeakKeyDictionary()


def find_entry_points() -> list[EntryPoint]:
    """Return the entry points of all installed plugins.

    The result is the same as that of `importlib.metadata.entry_points`, which however raises an error if the metadata
    of any distribution is broken. Here such a distribution is logged and passed over.
    """
    by_distribution: dict[str, list[EntryPoint]] = {}
    for distribution in distributions():
        try:
            entry_points = list(distribution.entry_points.select(group=ENTRY_POINT_GROUP))
        except Exception:
            logger.warning("The entry points of a distribution cannot be read; it adds no plugin.", exc_info=True)
            continue
        if entry_points:  # of several distributions of a name the first on the path counts, as it does for imports
            name, _ = distribution_of(entry_points[0])
            by_distribution.setdefault(_normal(name) if name else f"unnamed {len(by_distribution)}", entry_points)
    return [entry_point for entry_points in by_distribution.values() for entry_point in entry_points]


def is_own(entry_point: EntryPoint) -> bool:
    """Return whether an entry point is the application's own. The code of all others runs in child processes."""
    return is_own_distribution(distribution_of(entry_point)[0])


def is_own_distribution(name: str | None) -> bool:
    """Return whether a distribution is the application's own."""
    return name is not None and _normal(name) == OWN_DISTRIBUTION


def loading_order(entry_point: EntryPoint) -> tuple[bool, str, str]:
    """Return the sort key of an entry point: the application's own plugins come first, the others by name.

    A partner's plugin can therefore never take a key of the application.
    """
    distribution, _ = distribution_of(entry_point)
    return (not is_own(entry_point), entry_point.name, distribution or "")


def distribution_of(entry_point: EntryPoint) -> tuple[str | None, str | None]:
    """Return the name and version of the entry point's distribution, or (None, None) if they cannot be read."""
    try:
        return _identity(entry_point.dist) if entry_point.dist else (None, None)
    except Exception:
        return None, None


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Return name and version. A distribution parses its metadata for each of them, which takes milliseconds."""
    if distribution not in _identities:
        metadata = distribution.metadata
        _identities[distribution] = (metadata["Name"], metadata["Version"])
    return _identities[distribution]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
