"""Credits that are about to expire unused: told once for each grant and number of days, as the contract has them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from allowance import Grant, Notifier
from sqlmodel import Session, col

from core.alerts.recipients import license_recipients, notifier_recipients
from core.consumption.readings.documents import Document
from core.credits.tables import CreditNotice
from core.database.dialect import insert_into, values_table
from core.database.types import UtcDateTime
from core.delivery.message_kinds import CREDITS_EXPIRING
from core.delivery.messages import ExpiringContent, ExpiringItem
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
from core.licenses.load import LoadedLicense
from core.licenses.tables import EXPIRY_NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class Expiring:
    """A grant of a license that expires within so many days, and what is left of it."""

    license_id: int
    item: ExpiringItem


def find_expiring(
    license: LoadedLicense, grants: Sequence[Grant], documents: Mapping[str, Document], now: datetime
) -> list[Expiring]:
    """The grants of which something is left in new readings by meter, with the nearest of the contract's days."""
    notices = _notice_days(license)
    found = []
    for grant in grants:
        if grant.expires_at is None or grant.expires_at <= now:
            continue
        reached = [days for days in notices if grant.expires_at - now <= timedelta(days=days)]
        left = Decimal(documents.get(grant.meter or "", {}).get("grants", {}).get(grant.id, 0))
        if reached and left:
            item = ExpiringItem(
                grant.id, grant.meter or "", grant.amount, left, grant.entity, grant.expires_at, min(reached)
            )
            found.append(Expiring(license.id, item))
    return found


def next_notice(license: LoadedLicense, grants: Sequence[Grant], now: datetime) -> datetime | None:
    """When the next of the contract's days before a grant expires is reached."""
    notices = _notice_days(license)
    ends = [grant.expires_at for grant in grants if grant.expires_at is not None]
    times = (end - timedelta(days=days) for end in ends for days in notices)
    return min((time for time in times if time > now), default=None)


def _notice_days(license: LoadedLicense) -> Sequence[int]:
    version = license.version_on(license.today)
    return EXPIRY_NOTICE_DAYS if version is None else version.expiry_notice_days


_COLUMNS: Final[Mapping[str, Any]] = {
    "license_id": sa.BigInteger(), "grant_id": sa.String(), "days": sa.Integer()
}  # fmt: skip


def record_expiring(
    session: Session, expiring: Sequence[Expiring], now: datetime, notifiers: Collection[Notifier] = ()
) -> None:
    """Record new notices, with the messages that tell of them; one message for each license.

    What was told at the same number of days, or at fewer, is not told again. The number of statements does not
    depend on how many there are. The caller holds the licenses' snapshots, so that nobody else records at the time.
    """
    if not expiring:
        return
    rows = sorted((one.license_id, one.item.id, one.item.days) for one in expiring)
    within = values_table(session, _COLUMNS, rows)
    told_before = sa.exists().where(
        col(CreditNotice.license_id) == within.c.license_id,
        col(CreditNotice.grant_id) == within.c.grant_id,
        col(CreditNotice.days) <= within.c.days,
    )
    fresh = sa.select(*within.c, sa.literal(now, UtcDateTime())).where(~told_before)
    statement = insert_into(session, CreditNotice).from_select(["license_id", "grant_id", "days", "found_at"], fresh)
    returned = session.execute(statement.returning(col(CreditNotice.license_id), col(CreditNotice.grant_id)))
    new = {(license_id, grant_id) for license_id, grant_id in returned}
    by_license: dict[int, list[ExpiringItem]] = defaultdict(list)
    for one in sorted(expiring, key=lambda one: (one.license_id, one.item.expires_at, one.item.id)):
        if (one.license_id, one.item.id) in new:
            by_license[one.license_id].append(one.item)
    if by_license:
        told = [
            OutboundMessage(license_id, CREDITS_EXPIRING, now, ExpiringContent(tuple(items)))
            for license_id, items in by_license.items()
        ]
        enqueue(session, told, [*license_recipients(session, by_license), *notifier_recipients(by_license, notifiers)])
