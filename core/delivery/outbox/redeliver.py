"""Sending a delivery again by hand."""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from core.delivery.outbox.tables import Delivery, DeliveryStatus
from core.errors import BadInput
from core.text import shown

MOST_KEPT: Final = 6
"""The largest number of attempts that still count after a redelivery.

The next delay is then 5 s * 2**6, about 5 minutes, as long as LONGEST_PAUSE. The 14 attempts that are left take more
than a day."""


class DeliveryClaimed(BadInput):
    """A delivery that a worker is sending, which a second sending might make arrive twice."""


def redeliver(session: Session, delivery: Delivery, now: datetime) -> None:
    """Make a delivery due again, under the same id, whatever its outcome was. Changes the row.

    Raises:
        DeliveryClaimed: If a worker is sending the delivery.
    """
    if is_claimed(delivery, now):
        raise DeliveryClaimed(f"The delivery {shown(delivery.id)} is being sent at this moment.")
    delivery.status, delivery.due_at, delivery.claim = DeliveryStatus.PENDING.value, now, None
    delivery.attempts, delivery.finished_at = min(delivery.attempts, MOST_KEPT), None
    session.add(delivery)


def is_claimed(delivery: Delivery, now: datetime) -> bool:
    """Return whether a worker holds the delivery under a lease that has not ended."""
    return delivery.claim is not None and delivery.due_at is not None and delivery.due_at > now
