"""Notices of credits about to expire unused: one for each grant and each of the contract's days of notice."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from allowance import Grant, Notifier
from sqlmodel import Session, col

from core.alerts.recipients import load_recipients
from core.consumption.readings.judged_reading import NEVER_MEASURED, JudgedReading
from core.credits.tables import CreditNotice
from core.database.dialect import insert_into, values_table
from core.database.types import UtcDateTime
from core.delivery.message_kinds import CREDITS_EXPIRING
from core.delivery.messages import ExpiringContent, ExpiringItem
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
from core.licenses.in_force import newest_version
from core.licenses.load import LoadedLicense
from core.licenses.tables import EXPIRY_NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class Expiring:
    """A grant of a license that expires soon, with credits left."""

    license_id: int
    item: ExpiringItem


def find_expiring(
    license: LoadedLicense, grants: Sequence[Grant], readings: Mapping[str, JudgedReading], now: datetime
) -> list[Expiring]:
    """Return the grants that expire within one of the contract's days of notice, and have credits left.

    Each states the smallest such number of days. The credits left are those of the new readings, by meter.
    """
    notices = _notice_days(license)
    found = []
    for grant in grants:
        if grant.expires_at is None or grant.expires_at <= now:
            continue
        reached = [days for days in notices if grant.expires_at - now <= timedelta(days=days)]
        left = readings.get(grant.meter or "", NEVER_MEASURED).grants.get(grant.id, Decimal(0))
        if reached and left:
            item = ExpiringItem(
                grant.id, grant.meter or "", grant.amount, left, grant.entity, grant.expires_at, min(reached)
            )
            found.append(Expiring(license.id, item))
    return found


def next_notice(license: LoadedLicense, grants: Sequence[Grant], now: datetime) -> datetime | None:
    """Return when the next notice of a grant is due, or None if there is none."""
    notices = _notice_days(license)
    ends = [grant.expires_at for grant in grants if grant.expires_at is not None]
    times = (end - timedelta(days=days) for end in ends for days in notices)
    return min((time for time in times if time > now), default=None)


def _notice_days(license: LoadedLicense) -> Sequence[int]:
    # Credits outlast a contract: after its end, notices come on its days.
    version = newest_version(license.versions, license.today)
    return EXPIRY_NOTICE_DAYS if version is None else version.expiry_notice_days


_COLUMNS: Final[Mapping[str, Any]] = {
    "license_id": sa.BigInteger(), "grant_id": sa.String(), "days": sa.Integer()
}  # fmt: skip


def record_expiring(
    session: Session, expiring: Sequence[Expiring], now: datetime, notifiers: Collection[Notifier] = ()
) -> None:
    """Record new notices, and enqueue one message for each license that has some.

    A notice is new if no notice of the grant was recorded for the same number of days or fewer. The number of
    statements does not depend on the number of grants. The caller has locked the licenses' snapshots, so that no other
    transaction records notices of these licenses.

    Args:
        session: A writing session.
        expiring: The grants that expire soon.
        now: The time of the notices.
        notifiers: The notifiers that receive the messages, beside the licenses' own recipients.
    """
    new = _record_new(session, expiring, now) if expiring else []
    if new:
        _enqueue(session, new, now, notifiers)


def _record_new(session: Session, expiring: Sequence[Expiring], now: datetime) -> list[Expiring]:
    """Record the notices that are new. Return their grants, by license and in the order in which they expire."""
    rows = sorted((one.license_id, one.item.id, one.item.days) for one in expiring)
    candidates = values_table(session, _COLUMNS, rows)
    is_recorded = sa.exists().where(
        col(CreditNotice.license_id) == candidates.c.license_id,
        col(CreditNotice.grant_id) == candidates.c.grant_id,
        col(CreditNotice.days) <= candidates.c.days,
    )
    new = sa.select(*candidates.c, sa.literal(now, UtcDateTime())).where(~is_recorded)
    statement = insert_into(session, CreditNotice).from_select(["license_id", "grant_id", "days", "found_at"], new)
    inserted = session.execute(statement.returning(col(CreditNotice.license_id), col(CreditNotice.grant_id)))
    keys = {(license_id, grant_id) for license_id, grant_id in inserted}
    return sorted(
        (one for one in expiring if (one.license_id, one.item.id) in keys),
        key=lambda one: (one.license_id, one.item.expires_at, one.item.id),
    )


def _enqueue(session: Session, new: Sequence[Expiring], now: datetime, notifiers: Collection[Notifier]) -> None:
    """Enqueue one message for each license, with all of its grants."""
    by_license: dict[int, list[ExpiringItem]] = defaultdict(list)
    for one in new:
        by_license[one.license_id].append(one.item)
    messages = [
        OutboundMessage(license_id, CREDITS_EXPIRING, now, ExpiringContent(tuple(items)))
        for license_id, items in by_license.items()
    ]
    enqueue(session, messages, load_recipients(session, by_license, notifiers))
