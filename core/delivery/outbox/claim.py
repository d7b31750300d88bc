"""Step 2 of the outbox: claim a delivery that is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, func

from core.database.dialect import advisory_lock
from core.database.leases import Lease, claim_due
from core.delivery.outbox.retries import MOST_ATTEMPTS
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message

AT_ONCE: Final = 2
"""Deliveries of one license on one channel that are on their way at the same time, so that a license whose recipients
are slow does not occupy all delivery threads."""
_CLAIM_LOCK: Final = 0x6F7574626F78
"""PostgreSQL's advisory lock for claiming: "outbox"."""
_ABANDONED: Final = f"Given up after {MOST_ATTEMPTS} attempts: the worker of the last attempt was lost."


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """The deliveries that a thread claims; by default, all that are due.

    Attributes:
        channel: Only deliveries of this channel.
        recipient: Only deliveries to this recipient.
        other_than: No deliveries to these recipients.
        overdue: Only deliveries that nobody claimed for so long after they were due.
    """

    channel: str | None = None
    recipient: str | None = None
    other_than: tuple[str, ...] = ()
    overdue: timedelta = timedelta()


class LeaseOver(Exception):
    """The lease of a delivery ended before it was sent: another worker sends it."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker has claimed, with its message and the lease of the claim."""

    delivery: Delivery
    message: Message
    lease: Lease

    def require_lease(self) -> None:
        """Require that no other worker can have claimed the delivery. Channels call this before they hand it over.

        Raises:
            LeaseOver: This process was stopped for longer than the lease.
        """
        if self.lease.is_over:
            raise LeaseOver


def claim_delivery(
    session: Session, now: datetime, lease: timedelta, wanted: DeliveryFilter | None = None
) -> ClaimedDelivery | None:
    """Claim a delivery that is due, or return None if there is none. No other worker claims it until the lease ends.

    A license that has :data:`AT_ONCE` deliveries on their way on a channel waits, except for a filter by recipient: a
    caller with such a filter has a thread for each recipient. A delivery whose worker was lost in the last
    of :data:`MOST_ATTEMPTS` attempts is parked.
    """
    wanted = wanted or DeliveryFilter()
    since = monotonic()
    # Deliveries on their way are counted, and transactions that claim at the same time would not see each other's.
    advisory_lock(session, _CLAIM_LOCK)
    conditions = _conditions(wanted, now)
    while True:
        claim = claim_due(
            session,
            Delivery,
            *conditions,
            now=now - wanted.overdue,
            until=now + lease,
            limit=1,
            most_attempts=MOST_ATTEMPTS,
        )
        for delivery in claim.rows:
            message = session.get_one(Message, (delivery.license_id, delivery.message_id))
            return ClaimedDelivery(delivery, message, Lease(claim.name, lease, since))
        if not claim.abandoned:
            return None
        for delivery in claim.abandoned:
            _park(session, delivery, now)


def _conditions(wanted: DeliveryFilter, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.channel is not None:
        conditions.append(col(Delivery.channel) == wanted.channel)
    if wanted.recipient is not None:
        conditions.append(col(Delivery.recipient) == wanted.recipient)
    else:
        # Evaluated once, not for each row that is due: a license that is at its limit may have thousands of them.
        license_and_channel = tuple_(col(Delivery.license_id), col(Delivery.channel))
        conditions.append(license_and_channel.not_in(_at_limit(now)))
    if wanted.other_than:
        conditions.append(col(Delivery.recipient).not_in(wanted.other_than))
    return conditions


def _at_limit(now: datetime) -> Select[int, str]:
    """Select the licenses and channels that have as many deliveries on their way as are allowed at once."""
    license_and_channel = col(Delivery.license_id), col(Delivery.channel)
    return (
        sa_select(*license_and_channel)
        .where(col(Delivery.claim).is_not(None), col(Delivery.due_at) > now)
        .group_by(*license_and_channel)
        .having(func.count() >= AT_ONCE)
    )


def _park(session: Session, delivery: Delivery, now: datetime) -> None:
    """Park a delivery that lost its worker each time. Changes the row."""
    delivery.status, delivery.claim = DeliveryStatus.PARKED.value, None
    delivery.due_at, delivery.finished_at, delivery.detail = None, now, _ABANDONED
    session.add(delivery)
