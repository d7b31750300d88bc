"""What is done once a day for each license: the lost are counted, and what nobody needs any more is dropped."""

import logging
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from allowance.license import midnight
from sqlmodel import Session, col, select

from core.admission.lost import count_lost, lost_before
from core.admission.quota_meters import QuotaMeters
from core.admission.quota_state import QuotaState, load_quota_states
from core.admission.report import KEPT
from core.admission.tables import AdmissionDay, AdmissionRegister, AdmissionWindow, Installation
from core.admission.window import utc_day
from core.consumption.tables import Snapshot
from core.database.engine import Database
from core.database.leases import lock_due
from core.licenses.tables import License
from core.plugins.registry import Registry

logger = logging.getLogger(__name__)

TOGETHER: Final = 2000
"""Installations changed in one transaction, so that nobody who checks in waits long."""
LEASE: Final = timedelta(minutes=15)
"""After this long, the rest of what a lost worker began is done by another."""
SPREAD: Final = 3600
"""Seconds after midnight over which licenses take their turns."""


def tidy_due(database: Database, registry: Registry, now: datetime) -> int:
    """Tidy up for every license whose turn it is; how many they were."""
    done = 0
    while turn := _take(database, now):
        _tidy(database, registry, *turn, now)
        done += 1
    return done


def _take(database: Database, now: datetime) -> tuple[str, str] | None:
    """A license and a meter whose turn it is; until the lease ends, nobody else's."""
    registers = select(AdmissionRegister, License.key).join(
        License, col(License.id) == col(AdmissionRegister.license_id)
    )
    with database.write() as session:
        row = session.exec(lock_due(registers, AdmissionRegister.tidy_at, now, 1, of=AdmissionRegister)).first()
        if row is None:
            return None
        register, key = row
        register.tidy_at = now + LEASE
        session.add(register)
        return key, register.meter


def _tidy(database: Database, registry: Registry, license: str, meter: str, now: datetime) -> None:
    place = license, meter
    meters = QuotaMeters(registry).meters
    if meter in meters:  # what a plugin kept that is not installed now stays as it is
        standing = load_quota_states(database, [place], meters, now)[place]
        lost = _count_all_lost(database, standing, now)
        dropped = _drop_leftovers(database, standing, now)
        logger.info("%s of %s: %d installations became lost, %d were forgotten", meter, license, lost, dropped)
    with database.write() as session:
        of_license = col(AdmissionRegister.license_id).in_(select(License.id).where(License.key == license))
        row = session.exec(select(AdmissionRegister).where(of_license, AdmissionRegister.meter == meter)).one()
        _drop_old_windows(session, row.license_id, meter, now)
        row.tidy_at = midnight(utc_day(now) + timedelta(days=1), "UTC") + timedelta(seconds=row.license_id % SPREAD)
        session.add(row)


def _count_all_lost(database: Database, standing: QuotaState, now: datetime) -> int:
    counted, after = 0, b""
    lost = col(Installation.seen) < lost_before(now, standing.quota.terms)
    while True:
        with database.write() as session:
            digests = _some(session, standing, after, lost)
            if not digests:
                return counted
            counted += count_lost(session, standing, digests, now)
            after = digests[-1]


def _drop_leftovers(database: Database, standing: QuotaState, now: datetime) -> int:
    """Installations that are lost or were only refused, once the window in which they were is over."""
    dropped, after = 0, b""
    place, refused_at, start = col(Installation.place), col(Installation.refused_at), standing.quota.window.start
    leftover = sa.and_(
        col(Installation.seen).is_(None),
        sa.or_(place.is_(None), place < start),
        # Until then, so that nobody is counted as refused twice.
        sa.or_(refused_at.is_(None), refused_at < start),
    )
    while True:
        with database.write() as session:
            digests = _some(session, standing, after, leftover)
            if not digests:
                return dropped
            gone = sa.delete(Installation).where(*_of(standing), col(Installation.digest).in_(digests), leftover)
            dropped += session.connection().execute(gone).rowcount
            after = digests[-1]


def _some(session: Session, standing: QuotaState, after: bytes, which: sa.ColumnElement[bool]) -> list[bytes]:
    digest = col(Installation.digest)
    statement = sa.select(digest).where(*_of(standing), digest > after, which).order_by(digest).limit(TOGETHER)
    return list(session.execute(statement).scalars())


def _of(standing: QuotaState) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return (
        col(Installation.license_id) == standing.quota.license_id,
        col(Installation.meter) == standing.quota.meter,
    )


def _drop_old_windows(session: Session, license_id: int, meter: str, now: datetime) -> None:
    window, day = AdmissionWindow, AdmissionDay
    old = (col(window.license_id) == license_id, col(window.meter) == meter, col(window.ends_at) < now - KEPT)
    rows = session.execute(sa.select(col(window.starts_at), col(window.used)).where(*old)).all()
    if not rows:
        return
    starts = [row[0] for row in rows]
    of_days = (col(day.license_id) == license_id, col(day.meter) == meter, col(day.starts_at).in_(starts))
    session.execute(sa.delete(day).where(*of_days))
    session.execute(sa.delete(window).where(*old))
    # What readers are told as the version counts the places of the windows that are kept, and must not go back.
    grown = sa.update(Snapshot).where(col(Snapshot.license_id) == license_id)
    session.execute(grown.values(version=col(Snapshot.version) + sum(row[1] for row in rows)))
