"""Deletion of finished refreshes, delivered messages, logged attempts and ended sessions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col

from core.access.tables import AccessSession
from core.database.engine import Database
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.delivery.webhooks.tables import WebhookAttempt
from core.queue.tables import RefreshRun

REFRESHES: Final = timedelta(days=30)
MESSAGES: Final = timedelta(days=90)
ATTEMPTS: Final = timedelta(days=30)
SESSIONS: Final = timedelta(hours=1)
"""Ended sessions are kept longer than clocks of hosts differ: the database's clock decides that a session has ended."""
STEP: Final = 1_000
"""Rows deleted in one transaction, so that others wait for short transactions only."""


def purge_finished(database: Database, now: datetime) -> None:
    """Delete finished rows in small steps.

    Alerts stay, and so do messages with a delivery that is pending or ended within the time that messages are kept.
    """
    run, message, delivery, attempt = RefreshRun, Message, Delivery, WebhookAttempt
    runs = sa.select(col(run.license_id), col(run.id)).where(
        col(run.finished_at) < now - REFRESHES, col(run.due_at).is_(None)
    )
    _delete_in_steps(database, runs, {run: "id"})
    needed = sa.select(col(delivery.id)).where(
        col(delivery.license_id) == col(message.license_id),
        col(delivery.message_id) == col(message.id),
        sa.or_(
            col(delivery.status) == DeliveryStatus.PENDING.value,
            col(delivery.finished_at) >= now - MESSAGES,
        ),
    )
    messages = sa.select(col(message.license_id), col(message.id)).where(
        col(message.occurred_at) < now - MESSAGES, ~needed.exists()
    )
    _delete_in_steps(database, messages, {delivery: "message_id", message: "id"})
    attempts = sa.select(col(attempt.license_id), col(attempt.id)).where(col(attempt.at) < now - ATTEMPTS)
    _delete_in_steps(database, attempts, {attempt: "id"})
    ended = sa.select(col(AccessSession.license_id), col(AccessSession.id)).where(
        col(AccessSession.expires_at) < now - SESSIONS
    )
    _delete_in_steps(database, ended, {AccessSession: "id"})


def _delete_in_steps(database: Database, finished: sa.Select[int, str], columns: Mapping[type[Any], str]) -> None:
    """Delete rows of several tables.

    Args:
        database: The database.
        finished: A SELECT of license ids and ids.
        columns: For each table, the column with such an id, whose rows are deleted.
    """
    while True:
        with database.write() as session:
            keys = [tuple(row) for row in session.execute(finished.limit(STEP))]
            for table, column in columns.items() if keys else ():
                key = sa.tuple_(table.license_id, getattr(table, column))
                session.execute(sa.delete(table).where(key.in_(keys)))
        if len(keys) < STEP:
            return
