"""The entities of licenses. One entity has many spellings: case, spaces and Unicode form make no difference."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.committed_cache import CommittedCache
from core.database.dialect import insert_into, parts
from core.text import fold_name
from core.usage.tables import Entity, EntitySpelling

NamedEntity: TypeAlias = tuple[int, str]
"""A license id, and an entity as an event or a caller spells it."""

MOST_ENTITIES: Final = 10_000
"""The entities of a license that usage may name, unless a setting states another number."""
MAX_CACHED: Final = 200_000
"""Spellings that a process holds in memory for a database."""
# The name of an entity never changes, and a spelling stands for one entity for ever, so entries stay true.
_cache: Final[CommittedCache[NamedEntity, str]] = CommittedCache(MAX_CACHED)


def name_entities(session: Session, wanted: Collection[NamedEntity], most: int | None = None) -> dict[NamedEntity, str]:
    """Return the name of the entity that each spelling stands for. New entities are inserted.

    Known spellings take no statement, spellings that are new to this process take one.

    Args:
        session: A writing session.
        wanted: The spellings. The first of a new entity is its name.
        most: The number of entities of a license from which on no entity is inserted; None for any number. It may be
            passed by what several transactions insert at the same time.

    Returns:
        The names. Spellings that would stand for one entity too many are missing.
    """
    found = _cache.find(session, wanted)
    folded = {named: (named[0], fold_name(named[1])) for named in wanted if named not in found}
    if not folded:
        return found
    names = _read(session, folded.values())
    first: dict[NamedEntity, str] = {}
    for (_, spelling), key in folded.items():
        if key not in names:
            first.setdefault(key, spelling)
    if first:
        names |= _insert(session, _within_bound(session, first, most))
    read = {spelling: names[key] for spelling, key in folded.items() if key in names}
    _cache.remember(session, read)
    return found | read


def find_entity(session: Session, license_id: int, spelling: str) -> Entity | None:
    """Return the entity that a spelling stands for, or None if nothing is known of it."""
    of_spelling = sa.and_(
        col(Entity.license_id) == col(EntitySpelling.license_id), col(Entity.name) == col(EntitySpelling.name)
    )
    statement = (
        select(Entity)
        .join(EntitySpelling, of_spelling)
        .where(EntitySpelling.license_id == license_id, EntitySpelling.folded == fold_name(spelling))
    )
    return session.exec(statement.execution_options(populate_existing=True)).first()


def list_entities(session: Session, license_id: int) -> Sequence[Entity]:
    """Return the entities of a license by name."""
    return session.exec(select(Entity).where(Entity.license_id == license_id).order_by(col(Entity.name))).all()


def add_spelling(session: Session, license_id: int, spelling: str, name: str) -> str:
    """Make a spelling stand for an entity, unless it stands for one already. Return the name that it stands for."""
    key = license_id, fold_name(spelling)
    row = {"license_id": license_id, "folded": key[1], "name": name}
    session.execute(insert_into(session, EntitySpelling).values(row).on_conflict_do_nothing())
    return _read(session, [key])[key]


def _read(session: Session, keys: Collection[NamedEntity]) -> dict[NamedEntity, str]:
    """Read the names of entities by license id and folded spelling."""
    row = EntitySpelling
    key = sa.tuple_(col(row.license_id), col(row.folded))
    columns = col(row.license_id), col(row.folded), col(row.name)
    return {
        (license_id, folded): name
        for part in parts(set(keys))
        for license_id, folded, name in session.execute(sa.select(*columns).where(key.in_(part)))
    }


def _within_bound(session: Session, first: dict[NamedEntity, str], most: int | None) -> dict[NamedEntity, str]:
    """Return the first spellings of new entities without those that are too many for their license."""
    if most is None:
        return first
    licenses = {license_id for license_id, _ in first}
    counted = sa.select(col(Entity.license_id), sa.func.count()).where(col(Entity.license_id).in_(licenses))
    rows = session.execute(counted.group_by(col(Entity.license_id)))
    counts: Counter[int] = Counter(dict(rows.all()))
    room: dict[int, int] = defaultdict(int, {license_id: most - counts[license_id] for license_id in licenses})
    kept = {}
    for key, spelling in first.items():
        if room[key[0]] > 0:
            room[key[0]] -= 1
            kept[key] = spelling
    return kept


def _insert(session: Session, first: dict[NamedEntity, str]) -> dict[NamedEntity, str]:
    """Insert entities under their first spellings. Return their names, which another transaction may have set."""
    if not first:
        return {}
    # The spelling decides which of two transactions names a new entity, so the entity is inserted after it.
    spellings = [
        {"license_id": license_id, "folded": folded, "name": name}
        for (license_id, folded), name in sorted(first.items())
    ]
    session.execute(insert_into(session, EntitySpelling).on_conflict_do_nothing(), spellings)
    names = _read(session, first)
    entities = sorted({(license_id, name) for (license_id, _), name in names.items()})
    rows = [{"license_id": license_id, "name": name} for license_id, name in entities]
    session.execute(insert_into(session, Entity).on_conflict_do_nothing(), rows)
    return names
