"""E-mails about open alerts to admins who come later, if no admin got an e-mail about the crossing."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from core.addresses.mail_address import mailbox_of
from core.alerts.alert_messages import alert_messages
from core.alerts.recipients import load_recipients
from core.alerts.tables import Alert
from core.delivery.channels import EMAIL
from core.delivery.message_kinds import CROSSED
from core.delivery.messages import listed_alerts
from core.delivery.outbox.enqueue import enqueue
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message


def mail_open_alerts(session: Session, mailboxes: Mapping[int, Collection[str] | None], now: datetime) -> int:
    """Enqueue e-mails about open alerts of which no e-mail was delivered to any admin.

    An alert is left out for an admin to whom an e-mail about it is on its way.

    Args:
        session: The session of a transaction that has locked the licenses' snapshots, so that no refresh records alerts
            meanwhile.
        mailboxes: The mailboxes of the admins to write to, by license id; None for all admins of the license.
        now: The time of the messages.

    Returns:
        The number of e-mails.
    """
    if not mailboxes:
        return 0
    unmailed = defaultdict(list)
    for alert in session.scalars(
        sa.select(Alert).where(
            col(Alert.license_id).in_(mailboxes), col(Alert.recovered_at).is_(None), col(Alert.mailed_at).is_(None)
        )
    ):
        unmailed[alert.license_id].append(alert)
    if not unmailed:
        return 0
    pending = _pending_alerts(session, unmailed)
    number = 0
    for recipient in load_recipients(session, unmailed):
        chosen, mailbox = mailboxes[recipient.license_id], mailbox_of(recipient.address)
        if recipient.channel != EMAIL or not (chosen is None or mailbox in chosen):
            continue
        due = [one for one in unmailed[recipient.license_id] if one.id not in pending[one.license_id, mailbox]]
        messages = alert_messages(session, {CROSSED: due}, now)
        enqueue(session, messages, [recipient])
        number += len(messages)
    return number


def _pending_alerts(session: Session, licenses: Collection[int]) -> Mapping[tuple[int, str], set[str]]:
    """Return the alerts of which an e-mail is on its way, by license id and mailbox."""
    rows = session.execute(
        sa.select(col(Delivery.license_id), col(Delivery.recipient), col(Message.document))
        .join(
            Message,
            sa.and_(col(Message.license_id) == col(Delivery.license_id), col(Message.id) == col(Delivery.message_id)),
        )
        .where(
            col(Delivery.license_id).in_(licenses),
            col(Delivery.channel) == EMAIL,
            col(Delivery.status) == DeliveryStatus.PENDING.value,
            col(Message.kind) == CROSSED,
        )
    )
    pending: dict[tuple[int, str], set[str]] = defaultdict(set)
    for license_id, address, document in rows:
        pending[license_id, mailbox_of(address)] |= {alert.id for alert in listed_alerts(CROSSED, document)}
    return pending
