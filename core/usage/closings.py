"""Closed entities as events meet them: usage of a later day goes to the entity that the closed one was merged into."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.committed_cache import CommittedCache
from core.text import fold_name
from core.usage.days import EPOCH_DAY
from core.usage.tables import Entity, EntitySpelling

MAX_CACHED: Final = 10_000
"""Licenses whose closed entities a process holds in memory for a database."""
_fold: Final = lru_cache(maxsize=65_536)(fold_name)


class Closing(NamedTuple):
    """The end of an entity: the first day on which it is closed, counted since 1970, and its successor, if any."""

    day: int
    into: str | None


class Closings:
    """The closed entities of a license."""

    def __init__(self, closed: Mapping[str, Closing]) -> None:
        """Hold the closings by the folded spellings of their entities."""
        self._closed = closed

    def knows(self, entity: str) -> bool:
        """Return whether an entity is closed from some day on."""
        return _fold(entity) in self._closed

    def successor(self, entity: str, day: int) -> str | None:
        """Return the entity that usage of a day belongs to: the entity itself while it is open; None if there is none.

        Args:
            entity: The entity in any spelling; empty for none.
            day: The day, counted since 1970.
        """
        closing = self._closed.get(_fold(entity))
        while closing is not None and closing.day <= day:
            if closing.into is None:
                return None
            entity = closing.into
            closing = self._closed.get(_fold(entity))
        return entity


_Version: TypeAlias = tuple[int, int]
"""A license id, and the number of closings that the license has seen."""
_cache: Final[CommittedCache[_Version, Closings]] = CommittedCache(MAX_CACHED)


def load_closings(session: Session, licenses: Iterable[_Version]) -> dict[int, Closings]:
    """Return the closed entities of those licenses that have some, by license id.

    Licenses without any take no statement. A process reads the closings of a license again when their number, which
    the look-up of a license returns, has changed.
    """
    wanted = [version for version in licenses if version[1]]
    if not wanted:
        return {}
    found = _cache.find(session, wanted)
    missing = [version for version in wanted if version not in found]
    if missing:
        read = _read(session, [license_id for license_id, _ in missing])
        new = {version: Closings(read[version[0]]) for version in missing}
        _cache.remember(session, new)
        found |= new
    return {license_id: closings for (license_id, _), closings in found.items()}


def _read(session: Session, licenses: Iterable[int]) -> Mapping[int, Mapping[str, Closing]]:
    same = sa.and_(col(EntitySpelling.license_id) == col(Entity.license_id), col(EntitySpelling.name) == Entity.name)
    statement = (
        sa.select(col(Entity.license_id), col(EntitySpelling.folded), col(Entity.closed_from), col(Entity.into))
        .join(EntitySpelling, same)
        .where(col(Entity.license_id).in_(licenses), col(Entity.closed_from).is_not(None))
    )
    closed: dict[int, dict[str, Closing]] = defaultdict(dict)
    for license_id, folded, closed_from, into in session.execute(statement):
        closed[license_id][folded] = Closing(day_number(closed_from), into)
    return closed


def day_number(day: date) -> int:
    """Return a day as events have it, counted since 1970."""
    return day.toordinal() - EPOCH_DAY
