"""The places taken in a quota window: found, and freed with their counters."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.admission.quota import Quota
from core.admission.tables import AdmissionDay, AdmissionWindow, Installation


class TakenPlace(NamedTuple):
    """A place in the window with its installation; see :class:`core.admission.tables.Installation`."""

    digest: bytes
    identifier: str | None
    first_seen: datetime | None
    taken_on: date | None


def find_places(session: Session, quota: Quota, *which: sa.ColumnElement[bool], most: int) -> list[TakenPlace]:
    """Return places in the quota's window by digest, at most `most`, and lock their rows in a writing session.

    Args:
        session: The session. The caller frees the places in the same transaction, or only shows them.
        quota: The quota with its present window.
        which: Conditions on :class:`Installation`.
        most: The largest number of places to return.
    """
    columns = (Installation.digest, Installation.identifier, Installation.first_seen, Installation.taken_on)
    statement = (
        sa.select(*map(col, columns))
        .where(*_is_of(quota), col(Installation.place) == quota.window.start, *which)
        .order_by(col(Installation.digest))
        .limit(most)
        .with_for_update()
    )
    return [TakenPlace(*row) for row in session.execute(statement)]


def free_places(session: Session, quota: Quota, places: Sequence[TakenPlace]) -> date:
    """Free places, and take them from the counters of the window and of the days on which they were taken.

    An installation that is new in the window is forgotten. Of another one remains that it was seen.

    Args:
        session: The session that found the places.
        quota: The quota with its present window.
        places: At least one place, from :func:`find_places`.

    Returns:
        The first day whose counter changed.
    """
    start = quota.window.start
    new = [place.digest for place in places if place.first_seen is not None and place.first_seen >= start]
    returning = {place.digest for place in places} - set(new)
    digest = col(Installation.digest)
    session.execute(sa.delete(Installation).where(*_is_of(quota), digest.in_(new)))
    session.execute(
        sa.update(Installation).where(*_is_of(quota), digest.in_(returning)).values(place=None, taken_on=None)
    )
    _lower_window(session, quota, len(places), len(new))
    return _lower_days(session, quota, Counter(place.taken_on for place in places))


def _lower_window(session: Session, quota: Quota, freed: int, new: int) -> None:
    """Lower the counters of the window. Places above a lowered quota are not given again."""
    window = AdmissionWindow
    used = col(window.used) - freed
    places = sa.case((col(window.quota) > used, col(window.quota)), else_=used)
    left = sa.case((col(window.new) > new, col(window.new) - new), else_=0)
    values = {"used": used, "new": left, "places": sa.case((col(window.quota).is_not(None), places), else_=None)}
    is_window = (
        col(window.license_id) == quota.license_id,
        col(window.meter) == quota.meter,
        col(window.starts_at) == quota.window.start,
    )
    session.execute(sa.update(window).where(*is_window).values(values))


def _lower_days(session: Session, quota: Quota, by_day: Counter[date | None]) -> date:
    """Lower the counters of days, and return the first of them. Places without a day are taken from the latest days.

    The row of the window is locked, so the days do not change meanwhile.
    """
    day = AdmissionDay
    rows = session.exec(
        select(day)
        .where(day.license_id == quota.license_id, day.meter == quota.meter, day.starts_at == quota.window.start)
        .order_by(col(day.day).desc())
    ).all()
    freed = {row.day: min(by_day[row.day], row.admitted) for row in rows}
    undated = by_day.total() - sum(freed.values())
    for row in rows:
        more = min(undated, row.admitted - freed[row.day])
        freed[row.day] += more
        undated -= more
    for row in rows:
        if freed[row.day]:
            row.admitted -= freed[row.day]
            session.add(row)
    session.flush()
    return min(row_day for row_day, count in freed.items() if count)


def _is_of(quota: Quota) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return col(Installation.license_id) == quota.license_id, col(Installation.meter) == quota.meter
