"""The tables of the outbox: messages and their deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime

CLAIMED: Final = text("claim IS NOT NULL")
STUCK: Final = text(
    "(status = 'PARKED' OR (status = 'PENDING' AND (attempts > 1 OR (attempts = 1 AND claim IS NULL))))"
)
"""The condition of deliveries that were given up, or that failed and are tried again."""


class DeliveryStatus(StrEnum):
    """The state of a delivery.

    PENDING: is to be sent. SENT: was accepted by the other side. PARKED: was given up, until somebody sends it again.
    DROPPED: its recipient receives no such messages any more.
    """

    PENDING = "PENDING"
    SENT = "SENT"
    PARKED = "PARKED"
    DROPPED = "DROPPED"


class Message(SQLModel, table=True):
    """A message about a license, the same for every recipient.

    `kind` is one of :mod:`core.delivery.message_kinds`; recipients choose by it. Only :mod:`core.delivery.messages`
    writes and reads `document`.
    """

    __table_args__ = (Index("message_occurred", "occurred_at"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    kind: str
    occurred_at: datetime = Field(sa_type=UtcDateTime)
    document: dict[str, Any] = Field(sa_type=Json)


class Delivery(SQLModel, table=True):
    """A message on its way to one recipient over one channel, written in the message's transaction.

    `due_at` is when a worker may claim the delivery; while a worker holds `claim`, when its lease ends; null once the
    delivery is over. `detail` is the last answer of the other side, or why there was none.
    """

    __table_args__ = (
        UniqueConstraint("license_id", "message_id", "channel", "recipient"),
        Index("delivery_due", "due_at"),
        Index("delivery_recipient", "license_id", "channel", "recipient", "created_at"),
        Index("delivery_stuck", text("created_at DESC"), "id", sqlite_where=STUCK, postgresql_where=STUCK),
        Index("delivery_claimed", "license_id", "channel", sqlite_where=CLAIMED, postgresql_where=CLAIMED),
    )

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    message_id: str = Field(sa_type=Name)
    channel: str = Field(sa_type=Name)
    recipient: str = Field(sa_type=Name)
    status: str = DeliveryStatus.PENDING.value
    attempts: int = 0
    due_at: datetime | None = Field(sa_type=UtcDateTime)
    claim: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    detail: str | None = None
