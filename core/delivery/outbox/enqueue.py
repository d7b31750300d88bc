"""Step 1 of the outbox: write messages and their deliveries."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from core.database.leases import claim_time
from core.delivery.messages import MessageContent
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message about a license. `kind` is one of :mod:`core.delivery.message_kinds`.

    `due_at` is when it may be sent; None stands for `occurred_at`.
    """

    license_id: int
    kind: str
    occurred_at: datetime
    content: MessageContent
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address on a channel that receives a license's messages of these kinds.

    `address` is an e-mail address, the id of a webhook endpoint, or the key of a notifier.
    """

    license_id: int
    channel: str
    address: str
    kinds: frozenset[str]


def enqueue(session: Session, messages: Sequence[OutboundMessage], recipients: Sequence[Recipient]) -> None:
    """Write messages, and a delivery of each to every recipient of its license that receives its kind."""
    if not messages:
        return
    by_license: dict[int, list[Recipient]] = defaultdict(list)
    for recipient in recipients:
        by_license[recipient.license_id].append(recipient)
    identified = [(uuid.uuid4().hex, message) for message in messages]
    latest = claim_time(session)  # a server whose clock is ahead delays no message
    deliveries = [
        _delivery_row(message_id, message, recipient, latest)
        for message_id, message in identified
        for recipient in by_license[message.license_id]
        if message.kind in recipient.kinds
    ]
    session.execute(insert(Message), [_message_row(message_id, message) for message_id, message in identified])
    if deliveries:
        session.execute(insert(Delivery), deliveries)


def _message_row(message_id: str, message: OutboundMessage) -> dict[str, Any]:
    return {
        "license_id": message.license_id,
        "id": message_id,
        "kind": message.kind,
        "occurred_at": message.occurred_at,
        "document": message.content.to_document(),
    }


def _delivery_row(message_id: str, message: OutboundMessage, recipient: Recipient, latest: datetime) -> dict[str, Any]:
    created_at = message.due_at or message.occurred_at
    return {
        "license_id": message.license_id,
        "id": uuid.uuid4().hex,
        "message_id": message_id,
        "channel": recipient.channel,
        "recipient": recipient.address,
        "status": DeliveryStatus.PENDING.value,
        "attempts": 0,
        "due_at": min(created_at, latest),
        "created_at": created_at,
    }
