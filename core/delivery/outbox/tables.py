"""Messages and their deliveries, as the outbox stores them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime

CLAIMED: Final = text("claim IS NOT NULL")


class DeliveryStatus(StrEnum):
    """PENDING: to be sent. SENT: taken by the other side. PARKED: given up, until somebody sends it again. DROPPED: the
    recipient is none any more."""

    PENDING = "PENDING"
    SENT = "SENT"
    PARKED = "PARKED"
    DROPPED = "DROPPED"


class Message(SQLModel, table=True):
    """Something to tell, to everybody in the same words, as `document` says; mostly what one refresh
    of a license found.

    `kind` is what receivers can choose by, as ``threshold.crossed``.
    """

    __table_args__ = (Index("message_occurred", "occurred_at"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    kind: str
    occurred_at: datetime = Field(sa_type=UtcDateTime)
    document: dict[str, Any] = Field(sa_type=Json)


class Delivery(SQLModel, table=True):
    """The outbox: a message on its way to one recipient over one channel, written in the message's transaction.

    `due_at` is when it may be taken; while a worker has it, when another may. It is null once over. `detail` is what
    the other side answered last, or why it could not be reached.
    """

    __table_args__ = (
        UniqueConstraint("license_id", "message_id", "channel", "recipient"),
        Index("delivery_due", "due_at"),
        Index("delivery_recipient", "license_id", "channel", "recipient", "created_at"),
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
