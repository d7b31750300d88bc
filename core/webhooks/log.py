"""The delivery log of endpoints: what was sent to them when, and what they answered."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.alerts.addresses import WEBHOOK
from core.alerts.outbox import redeliver
from core.alerts.tables import Delivery, Message
from core.errors import InputProblem, InvalidInput
from core.text import problem_with, shown
from core.webhooks.tables import WebhookAttempt, WebhookEndpoint

MOST_ATTEMPTS: Final = 30
"""The newest of a delivery that are shown; more than it is tried without somebody's hand."""
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class Logged:
    """A delivery, the kind of its message, and the attempts that were made, the newest first."""

    delivery: Delivery
    kind: str
    attempts: list[WebhookAttempt]


def list_deliveries(
    session: Session,
    license_id: int,
    endpoints: Collection[str],
    *,
    most: int,
    after: tuple[datetime, str] | None = None,
) -> dict[str, list[Logged]]:
    """Of each endpoint, by its id, `most` deliveries at the most, the newest first, in two statements.

    `after` is the time and id of the last one seen.
    """
    order = (col(Delivery.created_at).desc(), col(Delivery.id))
    place = sa.func.row_number().over(partition_by=col(Delivery.recipient), order_by=order)
    ranked = sa.select(col(Delivery.id), place.label("rank")).where(
        col(Delivery.license_id) == license_id,
        col(Delivery.channel) == WEBHOOK,
        col(Delivery.recipient).in_(endpoints),
    )
    if after is not None:
        at, delivery_id = after
        ranked = ranked.where(
            sa.or_(
                col(Delivery.created_at) < at, sa.and_(col(Delivery.created_at) == at, col(Delivery.id) > delivery_id)
            )
        )
    rank = ranked.subquery()
    rows = session.execute(
        sa.select(Delivery, col(Message.kind))
        .join(rank, sa.and_(col(Delivery.license_id) == license_id, col(Delivery.id) == rank.c.id))
        .join(
            Message,
            sa.and_(col(Message.license_id) == col(Delivery.license_id), col(Message.id) == col(Delivery.message_id)),
        )
        .where(rank.c.rank <= most)
        .order_by(*order)
    ).all()
    attempts = _attempts(session, license_id, [delivery.id for delivery, _ in rows])
    found: dict[str, list[Logged]] = defaultdict(list)
    for delivery, kind in rows:
        found[delivery.recipient].append(Logged(delivery, kind, attempts[delivery.id]))
    return found


def redeliver_by_hand(session: Session, license_id: int, delivery_id: str, now: datetime) -> Logged:
    """Send a delivery to its endpoint once more, under the same id, whatever became of it.

    Raises :class:`InvalidInput` where it cannot be.
    """
    found = None
    if not problem_with(delivery_id, _LONGEST_ID):
        found = session.execute(
            sa.select(Delivery, WebhookEndpoint, col(Message.kind))
            .join(
                WebhookEndpoint,
                sa.and_(
                    col(WebhookEndpoint.license_id) == col(Delivery.license_id),
                    col(WebhookEndpoint.id) == col(Delivery.recipient),
                ),
            )
            .join(
                Message,
                sa.and_(
                    col(Message.license_id) == col(Delivery.license_id), col(Message.id) == col(Delivery.message_id)
                ),
            )
            .where(col(Delivery.license_id) == license_id, col(Delivery.id) == delivery_id)
            .where(col(Delivery.channel) == WEBHOOK)
            .with_for_update(of=Delivery)
        ).first()
    if found is None:
        raise _wrong(f"No delivery {shown(delivery_id)} to an endpoint of this license.", code="UNKNOWN_DELIVERY")
    delivery, endpoint, kind = found
    if not endpoint.enabled:
        raise _wrong(f"The endpoint {shown(endpoint.key)} is disabled. Enable it first.")
    if delivery.claim is not None and delivery.due_at is not None and delivery.due_at > now:
        raise _wrong(f"The delivery {shown(delivery_id)} is being sent at this moment.")
    redeliver(session, delivery, now)
    return Logged(delivery, kind, _attempts(session, license_id, [delivery.id])[delivery.id])


def _attempts(session: Session, license_id: int, deliveries: Collection[str]) -> dict[str, list[WebhookAttempt]]:
    order = (col(WebhookAttempt.at).desc(), col(WebhookAttempt.id))
    place = sa.func.row_number().over(partition_by=col(WebhookAttempt.delivery_id), order_by=order)
    rank = (
        sa.select(col(WebhookAttempt.id), place.label("rank"))
        .where(col(WebhookAttempt.license_id) == license_id, col(WebhookAttempt.delivery_id).in_(deliveries))
        .subquery()
    )
    statement = (
        sa.select(WebhookAttempt)
        .join(rank, sa.and_(col(WebhookAttempt.license_id) == license_id, col(WebhookAttempt.id) == rank.c.id))
        .where(rank.c.rank <= MOST_ATTEMPTS)
        .order_by(*order)
    )
    found: dict[str, list[WebhookAttempt]] = defaultdict(list)
    for attempt in session.scalars(statement):
        found[attempt.delivery_id].append(attempt)
    return found


def _wrong(message: str, code: str = "BAD_INPUT") -> InvalidInput:
    return InvalidInput([InputProblem(code, message, ("delivery",))])
