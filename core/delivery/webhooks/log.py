"""The delivery log of endpoints: what was sent to them when, and what they answered."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.delivery.channels import WEBHOOK
from core.delivery.outbox.tables import Delivery, Message
from core.delivery.webhooks.tables import WebhookAttempt

MOST_ATTEMPTS: Final = 30
"""The newest of a delivery that are shown; more than it is tried without somebody's hand."""


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
    attempts = list_attempts(session, license_id, [delivery.id for delivery, _ in rows])
    found: dict[str, list[Logged]] = defaultdict(list)
    for delivery, kind in rows:
        found[delivery.recipient].append(Logged(delivery, kind, attempts[delivery.id]))
    return found


def list_attempts(session: Session, license_id: int, deliveries: Collection[str]) -> dict[str, list[WebhookAttempt]]:
    """The newest attempts of each delivery, by its id."""
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
