"""Deliveries that somebody requests by hand: tests of endpoints, and redeliveries."""

from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from core.delivery.channels import WEBHOOK
from core.delivery.message_kinds import TEST
from core.delivery.messages import WebhookTestContent
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.redeliver import DeliveryClaimed, is_claimed, redeliver
from core.delivery.outbox.tables import Delivery, Message
from core.delivery.webhooks.endpoints import find_endpoint, invalid_input, locked_license
from core.delivery.webhooks.log import LoggedDelivery, list_attempts
from core.delivery.webhooks.tables import WebhookEndpoint
from core.text import problem_with, shown

_LONGEST_ID: Final = 200
_IS_MESSAGE: Final = (col(Message.license_id) == Delivery.license_id) & (col(Message.id) == Delivery.message_id)
_IS_ENDPOINT: Final = (col(WebhookEndpoint.license_id) == Delivery.license_id) & (
    col(WebhookEndpoint.id) == Delivery.recipient
)


def send_test(session: Session, license: str, key: str, now: datetime) -> LoggedDelivery:
    """Enqueue a test message for an endpoint, whatever kinds the endpoint receives.

    An endpoint has one pending test at a time. A test that failed is tried again now.

    Raises:
        core.errors.InvalidInput: If the endpoint does not exist, is disabled, or a test is on its way.
    """
    license_id = locked_license(session, license)
    endpoint = find_endpoint(session, license_id, key)
    if not endpoint.enabled:
        raise invalid_input(f"The endpoint {shown(key)} is disabled. Enable it first.", "key")
    waiting = (
        select(Delivery)
        .join(Message, _IS_MESSAGE)
        .where(Delivery.license_id == license_id, Delivery.channel == WEBHOOK, Delivery.recipient == endpoint.id)
        .where(Message.kind == TEST, col(Delivery.due_at).is_not(None))
    )
    if test := session.exec(waiting.with_for_update(of=Delivery)).first():
        if not test.attempts or is_claimed(test, now):
            raise invalid_input(f"A test is on its way to {shown(key)} already.", "key")
        redeliver(session, test, now)
        return LoggedDelivery(test, TEST, list_attempts(session, license_id, [test.id])[test.id])
    message = OutboundMessage(license_id, TEST, now, WebhookTestContent(endpoint.key))
    enqueue(session, [message], [Recipient(license_id, WEBHOOK, endpoint.id, frozenset({TEST}))])
    return LoggedDelivery(session.exec(waiting).one(), TEST, [])


def redeliver_by_hand(session: Session, license: str, delivery_id: str, now: datetime) -> LoggedDelivery:
    """Send a delivery to its endpoint again, under the same id, whatever its outcome was.

    Raises:
        core.errors.InvalidInput: If the delivery does not exist, its endpoint is disabled, or a worker is sending it.
    """
    license_id = locked_license(session, license)
    found = None
    if not problem_with(delivery_id, _LONGEST_ID):
        found = session.exec(
            select(Delivery, WebhookEndpoint, Message.kind)
            .join(WebhookEndpoint, _IS_ENDPOINT)
            .join(Message, _IS_MESSAGE)
            .where(Delivery.license_id == license_id, Delivery.id == delivery_id, Delivery.channel == WEBHOOK)
            .with_for_update(of=Delivery)
        ).first()
    if found is None:
        message = f"No delivery {shown(delivery_id)} to an endpoint of this license."
        raise invalid_input(message, "delivery", code="UNKNOWN_DELIVERY")
    delivery, endpoint, kind = found
    if not endpoint.enabled:
        raise invalid_input(f"The endpoint {shown(endpoint.key)} is disabled. Enable it first.", "delivery")
    try:
        redeliver(session, delivery, now)
    except DeliveryClaimed as claimed:
        raise invalid_input(claimed.message, "delivery") from None
    return LoggedDelivery(delivery, kind, list_attempts(session, license_id, [delivery.id])[delivery.id])
