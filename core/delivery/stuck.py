"""The deliveries that are stuck: given up, or failed and tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.first_of_each import older_than
from core.delivery.channels import WEBHOOK
from core.delivery.outbox.redeliver import DeliveryClaimed, redeliver
from core.delivery.outbox.tables import STUCK, Delivery, Message
from core.delivery.webhooks.tables import WebhookEndpoint
from core.errors import InputProblem, InvalidInput
from core.licenses.find import named_license
from core.licenses.tables import id_of
from core.text import problem_with, shown

_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class NamedDelivery:
    """A delivery that is stuck, with the kind of its message, and its recipient as people name it: endpoints by key."""

    delivery: Delivery
    kind: str
    recipient: str


def list_stuck(session: Session, *, most: int, after: tuple[datetime, str] | None = None) -> Sequence[NamedDelivery]:
    """Return the stuck deliveries of all licenses, newest first.

    Args:
        session: The session to read with.
        most: The largest number of deliveries.
        after: The time of creation and the id of the last delivery of the page before.
    """
    created_at, key = col(Delivery.created_at), col(Delivery.id)
    # A subquery, since the condition names columns without their table.
    page = sa.select(col(Delivery.license_id), key).where(STUCK)
    if after is not None:
        page = page.where(created_at <= after[0], older_than(Delivery.created_at, Delivery.id, after))
    listed = page.order_by(created_at.desc(), key).limit(most).subquery()
    of_page = sa.and_(col(Delivery.license_id) == listed.c.license_id, key == listed.c.id)
    return _named(session, of_page, created_at.desc(), key)


def redeliver_stuck(session: Session, license: str, delivery_id: str, now: datetime) -> NamedDelivery:
    """Send a delivery again at once, under the same id, whatever its outcome was.

    Args:
        session: The caller commits it.
        license: The key of the license.
        delivery_id: The id of the delivery.
        now: The present time.

    Raises:
        InvalidInput: The license or the delivery does not exist, or a worker is sending it.
    """
    license_id = id_of(named_license(session, license))
    found = None
    if not problem_with(delivery_id, _LONGEST_ID):
        found = session.exec(
            select(Delivery).where(Delivery.license_id == license_id, Delivery.id == delivery_id).with_for_update()
        ).first()
    if found is None:
        message = f"No delivery {shown(delivery_id)} of this license."
        raise InvalidInput([InputProblem("UNKNOWN_DELIVERY", message, ("delivery",))])
    try:
        redeliver(session, found, now)
    except DeliveryClaimed as claimed:
        raise InvalidInput([InputProblem("BAD_INPUT", claimed.message, ("delivery",))]) from None
    session.flush()
    [stuck] = _named(session, sa.and_(col(Delivery.license_id) == license_id, col(Delivery.id) == found.id))
    return stuck


def _named(session: Session, condition: sa.ColumnElement[bool], *order: Any) -> list[NamedDelivery]:
    """Return the deliveries of a condition with the kinds of their messages and the names of their recipients."""
    license_id = col(Delivery.license_id)
    is_message = sa.and_(col(Message.license_id) == license_id, col(Message.id) == col(Delivery.message_id))
    is_endpoint = sa.and_(
        col(WebhookEndpoint.license_id) == license_id,
        col(WebhookEndpoint.id) == col(Delivery.recipient),
        col(Delivery.channel) == WEBHOOK,
    )
    rows = session.execute(
        sa.select(Delivery, col(Message.kind), col(WebhookEndpoint.key))
        .join(Message, is_message)
        .outerjoin(WebhookEndpoint, is_endpoint)
        .where(condition)
        .order_by(*order)
    )
    return [NamedDelivery(delivery, kind, key or delivery.recipient) for delivery, kind, key in rows]
