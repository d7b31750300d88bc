"""Lost installations: they did not check in for the number of days that the contract sets."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from allowance.license import midnight
from sqlmodel import Session, col

from core.admission.pending import Candidate
from core.admission.quota import quota_at
from core.admission.quota_state import QuotaState, newest_windows
from core.admission.quota_states import QuotaStates
from core.admission.store import InstallationState
from core.admission.tables import AdmissionWindow, Installation
from core.admission.window import Window, utc_day
from core.database.dialect import insert_into
from core.database.engine import Database
from core.licenses.quota_terms import QuotaTerms
from core.times import microseconds

_DAY: Final = timedelta(days=1)


def lost_before(now: datetime, terms: QuotaTerms) -> datetime:
    """Return the instant before which the last check-in of a lost installation was.

    An installation is lost after `lost_after_days` whole days in UTC without a check-in.
    """
    return midnight(utc_day(now) - terms.lost_after_days * _DAY, "UTC")


def count_lost_of(
    database: Database, state: QuotaState, stored: Mapping[bytes, InstallationState | None], now: datetime
) -> None:
    """Count the lost ones among installations whose stored states were read."""
    limit = microseconds(lost_before(now, state.quota.terms))
    lost = [digest for digest, row in stored.items() if row and row.seen and row.seen < limit]
    if lost:
        with database.write() as session:
            count_lost(session, state, lost, now)


def count_lost_with_place(
    database: Database, states: QuotaStates, candidates: Sequence[Candidate], now: datetime
) -> None:
    """Count the lost ones among candidates that have a place: a window may be longer than the days until then."""
    yesterday = microseconds(now - _DAY)  # nobody is lost before
    for candidate in candidates:
        stored = candidate.stored
        if stored and stored.seen and stored.seen < yesterday:
            state = states[candidate.quota_key]
            if stored.has_place_in(state.quota):
                count_lost_of(database, state, {candidate.key[2]: stored}, now)


def count_lost(session: Session, state: QuotaState, digests: Collection[bytes], now: datetime) -> int:
    """Count the lost ones of these installations, each once, in the window in which it became lost.

    Returns:
        The number of installations counted.
    """
    license_id, meter = state.quota.license_id, state.quota.meter
    terms = state.quota.terms
    lost = (
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
    rows = [(row[0], row[1]) for row in session.execute(lost)]
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
    _count(session, state, Counter(utc_day(seen) for _, seen in rows))
    return len(rows)


def _count(session: Session, state: QuotaState, by_day: Mapping[date, int]) -> None:
    """Add the numbers of lost installations, by the day of their last check-in, to the windows."""
    windows: Counter[datetime] = Counter()
    for seen, count in by_day.items():
        lost_at = midnight(seen + (state.quota.terms.lost_after_days + 1) * _DAY, "UTC")
        windows[_window_of(session, state, lost_at)] += count
    of_meter = (
        col(AdmissionWindow.license_id) == state.quota.license_id,
        col(AdmissionWindow.meter) == state.quota.meter,
    )
    for starts_at, count in sorted(windows.items()):
        session.execute(
            sa.update(AdmissionWindow)
            .where(*of_meter, col(AdmissionWindow.starts_at) == starts_at)
            .values(lost=col(AdmissionWindow.lost) + count)
        )


def _window_of(session: Session, state: QuotaState, at: datetime) -> datetime:
    """Return the start of the window at an instant. A window without check-ins is opened."""
    license_id, meter = state.quota.license_id, state.quota.meter
    row = newest_windows(session, [license_id], at).get((license_id, meter))
    if row and at < row.ends_at:
        return row.starts_at
    latest = Window(row.starts_at, row.ends_at, row.time_zone) if row else None
    quota = quota_at(state.license, state.meter, at, latest)
    row_values = {
        "license_id": license_id, "meter": meter, "starts_at": quota.window.start, "ends_at": quota.window.end,
        "time_zone": quota.window.time_zone, "quota": quota.places, "places": quota.places,
        "used": 0, "new": 0, "lost": 0, "refused": 0,
    }  # fmt: skip
    session.execute(insert_into(session, AdmissionWindow).values(row_values).on_conflict_do_nothing())
    return quota.window.start
