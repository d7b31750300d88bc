"""The numbers of series. A series is an event type, an entity and a set of dimensions of a license."""

from typing import Final

import sqlalchemy as sa
from sqlmodel import Session

from core.database.committed_cache import CommittedCache
from core.database.dialect import insert_into, parts
from core.usage.tables import UsageSeries

SeriesKey = tuple[int, str, str, str]
"""License id, event type, name of the entity, dimensions as canonical JSON."""

MAX_CACHED: Final = 200_000
"""Series that a process holds in memory for a database."""
# A committed series is never changed or deleted, so entries stay true.
_cache: Final[CommittedCache[SeriesKey, int]] = CommittedCache(MAX_CACHED)


def series_ids(session: Session, wanted: set[SeriesKey]) -> dict[SeriesKey, int]:
    """Return the number of each series. New series are inserted."""
    found = _cache.find(session, wanted)
    missing = wanted - found.keys()
    if not missing:
        return found
    read = _read(session, missing)
    new = sorted(missing - read.keys())
    if new:
        rows = [dict(zip(("license_id", "event", "entity", "dimensions"), key, strict=True)) for key in new]
        session.execute(insert_into(session, UsageSeries).on_conflict_do_nothing(), rows)
        read |= _read(session, set(new))
    _cache.remember(session, read)
    return found | read


def _read(session: Session, wanted: set[SeriesKey]) -> dict[SeriesKey, int]:
    table = UsageSeries.__table__  # type: ignore[attr-defined]
    key = sa.tuple_(table.c.license_id, table.c.event, table.c.entity, table.c.dimensions)
    return {
        (row.license_id, row.event, row.entity, row.dimensions): row.id
        for part in parts(wanted)
        for row in session.execute(sa.select(table).where(key.in_(part)))
    }
