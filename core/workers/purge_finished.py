"""What is over and was there long enough to be looked at: ended refreshes, messages that were delivered, and the log
of webhooks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col

from core.database.engine import Database
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.delivery.webhooks.tables import WebhookAttempt
from core.queue.tables import RefreshRun

REFRESHES: Final = timedelta(days=30)
MESSAGES: Final = timedelta(days=90)
ATTEMPTS: Final = timedelta(days=30)
STEP: Final = 1_000
"""Rows deleted in one transaction, so that nobody waits long for it."""


def purge_finished(database: Database, now: datetime) -> None:
    """Delete them in small steps. Alerts stay, and so does what waits to be delivered, or was sent or parked lately."""
    run, message, delivery, attempt = RefreshRun, Message, Delivery, WebhookAttempt
    runs = sa.select(col(run.license_id), col(run.id)).where(
        col(run.finished_at) < now - REFRESHES, col(run.due_at).is_(None)
    )
    _in_steps(database, runs, {run: "id"})
    wanted = sa.select(col(delivery.id)).where(
        col(delivery.license_id) == col(message.license_id),
        col(delivery.message_id) == col(message.id),
        sa.or_(
            col(delivery.status) == DeliveryStatus.PENDING.value,
            col(delivery.finished_at) >= now - MESSAGES,
        ),
    )
    messages = sa.select(col(message.license_id), col(message.id)).where(
        col(message.occurred_at) < now - MESSAGES, ~wanted.exists()
    )
    _in_steps(database, messages, {delivery: "message_id", message: "id"})
    attempts = sa.select(col(attempt.license_id), col(attempt.id)).where(col(attempt.at) < now - ATTEMPTS)
    _in_steps(database, attempts, {attempt: "id"})


def _in_steps(database: Database, ended: sa.Select[int, str], rows: Mapping[type[Any], str]) -> None:
    """Delete what has the ids that are ended: of each table the rows whose column of that name holds one."""
    while True:
        with database.write() as session:
            keys = [tuple(row) for row in session.execute(ended.limit(STEP))]
            for table, column in rows.items() if keys else ():
                of_them = sa.tuple_(table.license_id, getattr(table, column)).in_(keys)
                session.execute(sa.delete(table).where(of_them))
        if len(keys) < STEP:
            return
