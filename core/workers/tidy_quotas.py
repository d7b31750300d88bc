"""The daily tidying of quotas: count lost installations, and delete installations and windows that are over."""

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

BATCH: Final = 2000
"""Installations changed in one transaction, so that check-ins wait for short transactions only."""
LEASE: Final = timedelta(minutes=15)
"""After this time another worker finishes the tidying that a lost worker began."""
SPREAD: Final = 3600
"""Seconds after midnight UTC over which the tidying of licenses is spread."""


def tidy_due(database: Database, registry: Registry, now: datetime) -> int:
    """Tidy the quotas that are due. Return their number."""
    done = 0
    while due := _claim(database, now):
        _tidy(database, registry, *due, now)
        done += 1
    return done


def _claim(database: Database, now: datetime) -> tuple[str, str] | None:
    """Claim a quota that is due until the lease ends. Return the keys of its license and meter."""
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
    key = license, meter
    meters = QuotaMeters(registry).meters
    if meter in meters:  # the rows of a plugin that is not installed stay as they are
        state = load_quota_states(database, [key], meters, now)[key]
        lost = _count_all_lost(database, state, now)
        dropped = _drop_leftovers(database, state, now)
        logger.info("%s of %s: %d installations became lost, %d were forgotten", meter, license, lost, dropped)
    with database.write() as session:
        is_of_license = col(AdmissionRegister.license_id).in_(select(License.id).where(License.key == license))
        register = session.exec(select(AdmissionRegister).where(is_of_license, AdmissionRegister.meter == meter)).one()
        _drop_old_windows(session, register.license_id, meter, now)
        register.tidy_at = _next_tidying(register.license_id, now)
        session.add(register)


def _next_tidying(license_id: int, now: datetime) -> datetime:
    return midnight(utc_day(now) + timedelta(days=1), "UTC") + timedelta(seconds=license_id % SPREAD)


def _count_all_lost(database: Database, state: QuotaState, now: datetime) -> int:
    counted, after = 0, b""
    lost = col(Installation.seen) < lost_before(now, state.quota.terms)
    while True:
        with database.write() as session:
            digests = _next_digests(session, state, after, lost)
            if not digests:
                return counted
            counted += count_lost(session, state, digests, now)
            after = digests[-1]


def _drop_leftovers(database: Database, state: QuotaState, now: datetime) -> int:
    """Delete installations that are lost or were only refused, once their window is over. Return their number."""
    dropped, after = 0, b""
    place, refused_at, start = col(Installation.place), col(Installation.refused_at), state.quota.window.start
    leftover = sa.and_(
        col(Installation.seen).is_(None),
        sa.or_(place.is_(None), place < start),
        # Kept until the window is over, so that no installation is counted as refused twice.
        sa.or_(refused_at.is_(None), refused_at < start),
    )
    while True:
        with database.write() as session:
            digests = _next_digests(session, state, after, leftover)
            if not digests:
                return dropped
            deleted = sa.delete(Installation).where(*_is_of(state), col(Installation.digest).in_(digests), leftover)
            dropped += session.connection().execute(deleted).rowcount
            after = digests[-1]


def _next_digests(session: Session, state: QuotaState, after: bytes, which: sa.ColumnElement[bool]) -> list[bytes]:
    digest = col(Installation.digest)
    statement = sa.select(digest).where(*_is_of(state), digest > after, which).order_by(digest).limit(BATCH)
    return list(session.execute(statement).scalars())


def _is_of(state: QuotaState) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return (
        col(Installation.license_id) == state.quota.license_id,
        col(Installation.meter) == state.quota.meter,
    )


def _drop_old_windows(session: Session, license_id: int, meter: str, now: datetime) -> None:
    """Delete windows, with their days, that ended longer ago than reports show."""
    window, day = AdmissionWindow, AdmissionDay
    is_old = (col(window.license_id) == license_id, col(window.meter) == meter, col(window.ends_at) < now - KEPT)
    changes = col(window.used) + col(window.refused)
    rows = session.execute(sa.select(col(window.starts_at), changes).where(*is_old)).all()
    if not rows:
        return
    starts = [row[0] for row in rows]
    is_day = (col(day.license_id) == license_id, col(day.meter) == meter, col(day.starts_at).in_(starts))
    session.execute(sa.delete(day).where(*is_day))
    session.execute(sa.delete(window).where(*is_old))
    # The version that readers see adds up the places and refusals of the stored windows, and must not decrease.
    version = col(Snapshot.version) + sum(row[1] for row in rows)
    session.execute(sa.update(Snapshot).where(col(Snapshot.license_id) == license_id).values(version=version))
