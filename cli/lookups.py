"""Look-ups of the licenses and sections that a command names."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.errors import NotFound
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown


def license_ids(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """Return the internal ids of the licenses with these keys, or of all licenses for no keys, by key.

    Raises:
        NotFound: There is no such license; the message suggests a similar key.
    """
    ids = {row[0]: row[1] for row in session.execute(select(License.key, License.id).order_by(col(License.key)))}
    for key in keys:
        if key not in ids:
            raise NotFound(f"No license {shown(key)}.{did_you_mean(key, ids)}")
    return {key: ids[key] for key in (sorted(set(keys)) or ids)}


def section_keys(registry: Registry, keys: Sequence[str]) -> list[str] | None:
    """Return these keys of sections, each once, or None, which means all sections, for no keys.

    Raises:
        NotFound: There is no such section.
    """
    for key in keys:
        if key not in registry.sections:
            near = did_you_mean(key, registry.sections)
            raise NotFound(f"No section {shown(key)}.{near} The sections are {', '.join(registry.sections)}.")
    return sorted(set(keys)) or None
