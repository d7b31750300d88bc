"""Deliveries counted by outcome."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col, func

from core.delivery.channels import EMAIL
from core.delivery.outbox.tables import Delivery, DeliveryStatus

HAS_FAILED: Final = (col(Delivery.status) == DeliveryStatus.PENDING.value) & (
    # A delivery that is on its way for the first time has not failed.
    (col(Delivery.attempts) > 1) | ((col(Delivery.attempts) == 1) & col(Delivery.claim).is_(None))
)
"""The condition of deliveries that failed and are tried again."""


def count_deliveries(session: Session) -> dict[str, int]:
    """Return the numbers of deliveries that are pending, failed (and are tried again), sent, parked, and dropped."""
    by_status = select(col(Delivery.status), HAS_FAILED, func.count()).group_by(col(Delivery.status), HAS_FAILED)
    rows = session.execute(by_status)
    numbers = {"failed" if failed else status.lower(): number for status, failed, number in rows}
    return {name: numbers.get(name, 0) for name in ("pending", "failed", "sent", "parked", "dropped")}


def count_sent_since(session: Session, license_id: int, since: datetime) -> int:
    """Return the number of e-mails about a license that were sent since a time."""
    sent = select(func.count()).where(
        col(Delivery.license_id) == license_id,
        col(Delivery.channel) == EMAIL,
        col(Delivery.status) == DeliveryStatus.SENT.value,
        col(Delivery.finished_at) >= since,
    )
    return int(session.execute(sent).scalar_one())
