"""Step 4 of the outbox: record the outcome of an attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, update

from core.delivery.outbox.pause import LONGEST_PAUSE, pause_recipient
from core.delivery.outbox.retries import LONGEST_DELAY, MOST_ATTEMPTS, retry_delay
from core.delivery.outbox.tables import Delivery, DeliveryStatus

LONGEST_DETAIL: Final = 2_000
"""Characters of an answer that are stored."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt to send a delivery.

    Attributes:
        status: SENT, PARKED or DROPPED; None if the delivery is to be tried again.
        detail: The answer of the other side, or why there was none.
        retry_after: How long the recipient asks to wait before the next attempt; six hours at the most are granted.
        reached: Whether a sent delivery has reached its recipient; not if it was only written to the log.
        on_record: Writes what else the channel stores, in the transaction that records the outcome. May be called again
            if it is unknown whether that transaction was committed.
    """

    status: DeliveryStatus | None
    detail: str
    retry_after: timedelta | None = None
    reached: bool = True
    on_record: Callable[[Session], None] | None = None


def record_outcome(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Record the outcome of an attempt, and pause the recipient if the delivery is to be tried again.

    Ignored if another worker holds the claim, except SENT, which is recorded while the delivery is still pending.
    """
    delay = retry_delay(delivery.attempts)
    requested = min(outcome.retry_after or timedelta(), LONGEST_DELAY)
    if outcome.status is not None:
        values = _ended(outcome.status, now)
    elif delivery.attempts >= MOST_ATTEMPTS:
        values = _ended(DeliveryStatus.PARKED, now)
    else:
        values = {"due_at": now + max(delay, requested), "finished_at": None}
    is_ours = col(Delivery.claim) == delivery.claim
    if outcome.status is DeliveryStatus.SENT:
        is_ours |= col(Delivery.status) == DeliveryStatus.PENDING.value
    recorded = session.exec(
        update(Delivery)
        .where(col(Delivery.license_id) == delivery.license_id, col(Delivery.id) == delivery.id, is_ours)
        .values(claim=None, detail=outcome.detail[:LONGEST_DETAIL], **values)
    )
    if outcome.on_record is not None:
        outcome.on_record(session)
    if outcome.status is None and recorded.rowcount:
        pause_recipient(session, delivery, now + max(requested, min(delay, LONGEST_PAUSE)))


def _ended(status: DeliveryStatus, now: datetime) -> dict[str, Any]:
    return {"status": status.value, "due_at": None, "finished_at": now}
