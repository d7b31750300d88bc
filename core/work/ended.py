"""What is over and was there long enough to be looked at: ended refreshes, messages that were delivered, and the log
of webhooks."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col

from core.alerts.tables import Delivery, DeliveryStatus, Message
from core.database.engine import Database
from core.webhooks.tables import WebhookAttempt
from core.work.tables import RefreshRun

REFRESHES: Final = timedelta(days=30)
MESSAGES: Final = timedelta(days=90)
ATTEMPTS: Final = timedelta(days=30)
STEP: Final = 1_000
"""Rows deleted in one transaction, so that nobody waits long for it."""


def drop_ended(database: Database, now: datetime) -> None:
    """Delete them in small steps. Alerts stay, and so does what waits to be delivered, was parked, or ended lately."""
    run, message, delivery = RefreshRun, Message, Delivery
    ended = sa.select(col(run.license_id), col(run.id)).where(col(run.finished_at) < now - REFRESHES)
    _in_steps(database, run, ended.where(col(run.due_at).is_(None)))
    wanted = sa.select(col(delivery.id)).where(
        col(delivery.license_id) == col(message.license_id),
        col(delivery.message_id) == col(message.id),
        sa.or_(
            col(delivery.status).in_([DeliveryStatus.PENDING.value, DeliveryStatus.PARKED.value]),
            col(delivery.finished_at) >= now - MESSAGES,
        ),
    )
    old = sa.select(col(message.license_id), col(message.id)).where(
        col(message.occurred_at) < now - MESSAGES, ~wanted.exists()
    )
    _in_steps(database, message, old)
    orphans = sa.select(col(delivery.license_id), col(delivery.id)).where(
        col(delivery.created_at) < now - MESSAGES,
        ~sa.select(col(message.id))
        .where(col(message.license_id) == col(delivery.license_id), col(message.id) == col(delivery.message_id))
        .exists(),
    )
    _in_steps(database, delivery, orphans)
    attempt = WebhookAttempt
    attempts = sa.select(col(attempt.license_id), col(attempt.id)).where(col(attempt.at) < now - ATTEMPTS)
    _in_steps(database, attempt, attempts)


def _in_steps(
    database: Database,
    table: type[RefreshRun] | type[Message] | type[Delivery] | type[WebhookAttempt],
    ended: sa.Select[int, str],
) -> None:
    key = sa.tuple_(col(table.license_id), col(table.id))
    while True:
        with database.write() as session:
            keys = [tuple(row) for row in session.execute(ended.limit(STEP))]
            if keys:
                session.execute(sa.delete(table).where(key.in_(keys)))
        if len(keys) < STEP:
            return
