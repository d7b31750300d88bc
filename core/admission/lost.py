"""Installations that were not seen for so long that they count as lost."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from allowance.license import midnight
from sqlmodel import Session, col

from core.admission.quota import quota_at
from core.admission.quota_state import QuotaState, newest_windows
from core.admission.tables import AdmissionWindow, Installation
from core.admission.window import Window, utc_day
from core.database.dialect import insert_into
from core.licenses.quota_terms import QuotaTerms

_DAY: Final = timedelta(days=1)


def lost_before(now: datetime, terms: QuotaTerms) -> datetime:
    """Who was last seen before this instant is lost: there were so many whole days in UTC without a call since."""
    return midnight(utc_day(now) - terms.lost_after_days * _DAY, "UTC")


def count_lost(session: Session, standing: QuotaState, digests: Collection[bytes], now: datetime) -> int:
    """Count those of these installations that are lost by now, in the window in which they became so, each once."""
    license_id, meter = standing.quota.license_id, standing.quota.meter
    terms = standing.quota.terms
    gone = (
        sa.select(col(Installation.digest), col(Installation.seen))
        .where(
            col(Installation.license_id) == license_id,
            col(Installation.meter) == meter,
            col(Installation.digest).in_(digests),
            col(Installation.seen) < lost_before(now, terms),
        )
        .order_by(col(Installation.digest))
        .with_for_update()
    )
    rows = [(row[0], row[1]) for row in session.execute(gone)]
    if not rows:
        return 0
    session.execute(
        sa.update(Installation)
        .where(
            col(Installation.license_id) == license_id,
            col(Installation.meter) == meter,
            col(Installation.digest).in_([digest for digest, _ in rows]),
        )
        .values(seen=None)
    )
    _count(session, standing, Counter(utc_day(seen) for _, seen in rows), now)
    return len(rows)


def _count(session: Session, standing: QuotaState, by_day: Mapping[date, int], now: datetime) -> None:
    windows: Counter[datetime] = Counter()
    for seen, count in by_day.items():
        lost_at = midnight(seen + (standing.quota.terms.lost_after_days + 1) * _DAY, "UTC")
        windows[_window_of(session, standing, lost_at)] += count
    of_meter = (
        col(AdmissionWindow.license_id) == standing.quota.license_id,
        col(AdmissionWindow.meter) == standing.quota.meter,
    )
    for starts_at, count in sorted(windows.items()):
        session.execute(
            sa.update(AdmissionWindow)
            .where(*of_meter, col(AdmissionWindow.starts_at) == starts_at)
            .values(lost=col(AdmissionWindow.lost) + count)
        )


def _window_of(session: Session, standing: QuotaState, at: datetime) -> datetime:
    """The start of the window that holds an instant, which is opened where nobody checked in in it."""
    license_id, meter = standing.quota.license_id, standing.quota.meter
    row = newest_windows(session, [license_id], at).get((license_id, meter))
    if row and at < row.ends_at:
        return row.starts_at
    latest = Window(row.starts_at, row.ends_at, row.time_zone) if row else None
    quota = quota_at(standing.license, standing.meter, at, latest)
    given = {
        "license_id": license_id, "meter": meter, "starts_at": quota.window.start, "ends_at": quota.window.end,
        "time_zone": quota.window.time_zone, "quota": quota.places, "places": quota.places,
        "used": 0, "new": 0, "lost": 0, "refused": 0,
    }  # fmt: skip
    session.execute(insert_into(session, AdmissionWindow).values(given).on_conflict_do_nothing())
    return quota.window.start
