"""The state of a hard quota that check-ins are decided by: the quota, and the places taken."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

import sqlalchemy as sa
from allowance import Admission
from sqlmodel import Session, col, select

from core.admission.check_in import QuotaKey
from core.admission.identifiers import digest, new_secret
from core.admission.quota import Quota, quota_at
from core.admission.signatures import SigningRules
from core.admission.store import InstallationKey
from core.admission.tables import AdmissionRegister, AdmissionWindow, CheckInSecret
from core.admission.window import Window
from core.database.dialect import insert_into
from core.database.engine import Database
from core.licenses.load import LoadedLicense, load_licenses
from core.licenses.tables import License

FRESH_SECONDS: Final = 1.0
"""Seconds in which an answer may show a quota, or a number of places left, that has changed."""


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota and the number of places taken, as last read.

    `secret` is the key of the digests of identifiers. `generation` is that of the register: it changes when places are
    freed. `signing` holds the secrets that sign identifiers; None if the license has none. `read_at` is a time of the
    monotonic clock.
    """

    license: LoadedLicense
    meter: Admission
    secret: bytes
    quota: Quota
    used: int
    generation: int
    signing: SigningRules | None
    read_at: float

    def key_of(self, identifier: str) -> InstallationKey:
        """Return the key of an installation's row."""
        return self.quota.license_id, self.quota.meter, digest(identifier, self.secret)

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the state was read within the last second and holds at `now`."""
        return monotonic() - self.read_at <= FRESH_SECONDS and self.quota.window.start <= now < self.quota.valid_until


def load_quota_states(
    database: Database, keys: Collection[QuotaKey], meters: Mapping[str, Admission], now: datetime
) -> dict[QuotaKey, QuotaState]:
    """Read the states of quotas. A license that does not exist has none.

    The first read of a quota makes its register, with a secret of its own.
    """
    with database.read() as session:
        states, unregistered = _load(session, keys, meters, now)
    if unregistered:
        with database.write() as session:
            for license_id, meter in sorted(unregistered):
                row = {"license_id": license_id, "meter": meter, "secret": new_secret(), "tidy_at": now}
                session.execute(insert_into(session, AdmissionRegister).values(row).on_conflict_do_nothing())
        with database.read() as session:
            states, _ = _load(session, keys, meters, now)
    return states


def newest_windows(
    session: Session, license_ids: Collection[int], now: datetime
) -> dict[tuple[int, str], AdmissionWindow]:
    """Return the newest window that has begun, by license id and meter key."""
    window = AdmissionWindow
    newest = (
        sa.select(col(window.license_id), col(window.meter), sa.func.max(col(window.starts_at)).label("starts_at"))
        .where(col(window.license_id).in_(license_ids), col(window.starts_at) <= now)
        .group_by(col(window.license_id), col(window.meter))
        .subquery()
    )
    of_newest = sa.and_(
        col(window.license_id) == newest.c.license_id,
        col(window.meter) == newest.c.meter,
        col(window.starts_at) == newest.c.starts_at,
    )
    return {(row.license_id, row.meter): row for row in session.exec(select(window).join(newest, of_newest))}


def _load(
    session: Session, keys: Collection[QuotaKey], meters: Mapping[str, Admission], now: datetime
) -> tuple[dict[QuotaKey, QuotaState], set[tuple[int, str]]]:
    """Return the states of registered quotas, and the license ids and meter keys of those that have no register."""
    of_keys = col(License.key).in_({license for license, _ in keys})
    ids = {row[0]: row[1] for row in session.execute(select(License.key, License.id).where(of_keys))}
    licenses = load_licenses(session, list(ids.values()), now)
    of_ids = col(AdmissionRegister.license_id).in_(licenses)
    registers = {(row.license_id, row.meter): row for row in session.exec(select(AdmissionRegister).where(of_ids))}
    of_secrets = select(CheckInSecret).where(col(CheckInSecret.license_id).in_(licenses))
    signing = {row.license_id: row.rules for row in session.exec(of_secrets)}
    windows = newest_windows(session, licenses, now)
    states, unregistered = {}, set()
    for license_key, meter in keys:
        license = licenses.get(ids.get(license_key, 0))
        if license is None:
            continue
        register = registers.get((license.id, meter))
        if register is None:
            unregistered.add((license.id, meter))
            continue
        row = windows.get((license.id, meter))
        latest = Window(row.starts_at, row.ends_at, row.time_zone) if row else None
        quota = quota_at(license, meters[meter], now, latest)
        used = row.used if row and row.starts_at == quota.window.start else 0
        states[license_key, meter] = QuotaState(
            license,
            meters[meter],
            register.secret,
            quota,
            used,
            register.generation,
            signing.get(license.id),
            monotonic(),
        )
    return states, unregistered
