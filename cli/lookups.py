"""The licenses and sections that a command is given by name."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.errors import NotFound
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown


def license_ids(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """The internal ids of the licenses with these keys, or of all where none is given, by key.

    Raises :class:`NotFound` with the nearest that there is.
    """
    ids = {row[0]: row[1] for row in session.execute(select(License.key, License.id).order_by(col(License.key)))}
    for key in keys:
        if key not in ids:
            raise NotFound(f"No license {shown(key)}.{did_you_mean(key, ids)}")
    return {key: ids[key] for key in (sorted(set(keys)) or ids)}


def section_keys(registry: Registry, keys: Sequence[str]) -> list[str] | None:
    """The sections with these keys; None, which means all, where none is given. Raises :class:`NotFound`."""
    for key in keys:
        if key not in registry.sections:
            near = did_you_mean(key, registry.sections)
            raise NotFound(f"No section {shown(key)}.{near} The sections are {', '.join(registry.sections)}.")
    return sorted(set(keys)) or None
