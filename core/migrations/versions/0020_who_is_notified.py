"""Alerts hold when people were notified of them, and the recipients of e-mails are mailboxes, however they are spelled.

An alert of which a message was delivered was notified at the first delivery. An alert whose message is not kept any
more counts as notified when it was found.
"""

import unicodedata
from typing import Any

import idna
import sqlalchemy as sa
from alembic import op

from core.database.types import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_FIRST = """
UPDATE alert SET {column} = (
    SELECT CASE WHEN count(message.id) = 0 THEN alert.found_at ELSE min(delivery.finished_at) END
    FROM message LEFT JOIN delivery ON delivery.license_id = message.license_id AND delivery.message_id = message.id
        AND delivery.status = 'SENT' {channel}
    WHERE message.license_id = alert.license_id AND message.kind = 'threshold.crossed'
        AND message.occurred_at = alert.found_at
)
"""
"""A message about a crossing has the time at which the crossing was found."""


def upgrade() -> None:
    op.execute("ALTER TABLE alert RENAME COLUMN recovery_told TO recovery_notified")
    for column, channel in (("notified_at", ""), ("mailed_at", "AND delivery.channel = 'email'")):
        op.add_column("alert", sa.Column(column, UtcDateTime(), nullable=True))
        op.execute(_FIRST.format(column=column, channel=channel))
    op.execute("ALTER TABLE mail_recipient RENAME COLUMN email TO mailbox")
    _join_spellings()


def _join_spellings() -> None:
    """Name recipients by their mailbox. Of several with the same mailbox one stays, unsubscribed if any was."""
    columns = ("license_id", "mailbox", "token", "unsubscribed_at")
    recipient: sa.TableClause = sa.table("mail_recipient", *map(sa.column, columns))
    connection = op.get_bind()
    spelled: dict[tuple[int, str], list[sa.Row[Any]]] = {}
    for row in connection.execute(sa.select(recipient).order_by(recipient.c.license_id, recipient.c.mailbox)):
        spelled.setdefault((row.license_id, _mailbox(row.mailbox)), []).append(row)
    for (_, mailbox), rows in spelled.items():
        if [row.mailbox for row in rows] == [mailbox]:
            continue
        kept = max(rows, key=lambda row: row.unsubscribed_at is not None)
        for row in rows:
            if row is not kept:
                connection.execute(recipient.delete().where(recipient.c.token == row.token))
        connection.execute(recipient.update().where(recipient.c.token == kept.token).values(mailbox=mailbox))


def _mailbox(email: str) -> str:
    local, _, domain = email.rpartition("@")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return email
    return unicodedata.normalize("NFC", f"{local}@{domain}").lower()
