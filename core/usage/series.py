"""The numbers of series. A series is an event type, an entity and a set of dimensions of a license."""

from collections import Counter
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.committed_cache import CommittedCache
from core.database.dialect import insert_into, parts
from core.usage.tables import UsageSeries

SeriesKey = tuple[int, str, str, str]
"""License id, event type, name of the entity, dimensions as canonical JSON."""

MAX_CACHED: Final = 200_000
"""Series that a process holds in memory for a database."""
# A committed series is never changed or deleted, so entries stay true.
_cache: Final[CommittedCache[SeriesKey, int]] = CommittedCache(MAX_CACHED)


def series_ids(session: Session, wanted: set[SeriesKey], most: int | None = None) -> dict[SeriesKey, int]:
    """Return the number of each series. New series are inserted.

    Args:
        session: A writing session.
        wanted: The series.
        most: The number of series of a license from which on none is inserted; None for any number. It may be passed
            by what several transactions insert at the same time.

    Returns:
        The numbers. Series that would be one too many are missing.
    """
    found = _cache.find(session, wanted)
    missing = wanted - found.keys()
    if not missing:
        return found
    read = _read(session, missing)
    new = _within_bound(session, sorted(missing - read.keys()), most)
    if new:
        rows = [dict(zip(("license_id", "event", "entity", "dimensions"), key, strict=True)) for key in new]
        session.execute(insert_into(session, UsageSeries).on_conflict_do_nothing(), rows)
        read |= _read(session, set(new))
    _cache.remember(session, read)
    return found | read


def _within_bound(session: Session, new: list[SeriesKey], most: int | None) -> list[SeriesKey]:
    """Return new series without those that are too many for their license."""
    if most is None or not new:
        return new
    licenses = {key[0] for key in new}
    counted = sa.select(col(UsageSeries.license_id), sa.func.count()).where(col(UsageSeries.license_id).in_(licenses))
    rows = session.execute(counted.group_by(col(UsageSeries.license_id)))
    counts: Counter[int] = Counter(dict(rows.all()))
    kept = []
    for key in new:
        if counts[key[0]] < most:
            counts[key[0]] += 1
            kept.append(key)
    return kept


def _read(session: Session, wanted: set[SeriesKey]) -> dict[SeriesKey, int]:
    table = UsageSeries.__table__  # type: ignore[attr-defined]
    key = sa.tuple_(table.c.license_id, table.c.event, table.c.entity, table.c.dimensions)
    return {
        (row.license_id, row.event, row.entity, row.dimensions): row.id
        for part in parts(wanted)
        for row in session.execute(sa.select(table).where(key.in_(part)))
    }
