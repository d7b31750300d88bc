"""The delivery log of endpoints: what was sent to them when, and what they answered."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.first_of_each import first_of_each, older_than
from core.delivery.channels import WEBHOOK
from core.delivery.outbox.tables import Delivery, Message
from core.delivery.webhooks.tables import WebhookAttempt

MOST_LISTED_ATTEMPTS: Final = 30
"""The newest attempts of a delivery that are listed: more than are made without a redelivery by hand."""


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """A delivery, the kind of its message, and its attempts, newest first."""

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
) -> dict[str, list[LoggedDelivery]]:
    """Return the deliveries to each endpoint, by its id, newest first, in two statements.

    Args:
        session: The session to read with.
        license_id: The license of the endpoints.
        endpoints: The ids of the endpoints.
        most: The largest number of deliveries to an endpoint.
        after: The time and id of the last delivery of the page before.
    """
    conditions = [
        col(Delivery.license_id) == license_id,
        col(Delivery.channel) == WEBHOOK,
        col(Delivery.recipient).in_(endpoints),
    ]
    if after is not None:
        conditions.append(older_than(Delivery.created_at, Delivery.id, after))
    order = (col(Delivery.created_at).desc(), col(Delivery.id))
    is_its_message = sa.and_(
        col(Message.license_id) == col(Delivery.license_id), col(Message.id) == col(Delivery.message_id)
    )
    deliveries = first_of_each(Delivery, Delivery.recipient, order, most, *conditions)
    rows = session.execute(deliveries.join(Message, is_its_message).add_columns(col(Message.kind))).all()
    attempts = list_attempts(session, license_id, [delivery.id for delivery, _ in rows])
    logged: dict[str, list[LoggedDelivery]] = defaultdict(list)
    for delivery, kind in rows:
        logged[delivery.recipient].append(LoggedDelivery(delivery, kind, attempts[delivery.id]))
    return logged


def list_attempts(session: Session, license_id: int, deliveries: Collection[str]) -> dict[str, list[WebhookAttempt]]:
    """Return the newest attempts of each delivery, by its id, in one statement."""
    conditions = (col(WebhookAttempt.license_id) == license_id, col(WebhookAttempt.delivery_id).in_(deliveries))
    order = (col(WebhookAttempt.at).desc(), col(WebhookAttempt.id))
    newest = first_of_each(WebhookAttempt, WebhookAttempt.delivery_id, order, MOST_LISTED_ATTEMPTS, *conditions)
    attempts: dict[str, list[WebhookAttempt]] = defaultdict(list)
    for attempt in session.scalars(newest):
        attempts[attempt.delivery_id].append(attempt)
    return attempts
