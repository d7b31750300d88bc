"""Alerts, the messages that tell of them, and the deliveries of those, as they are kept."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime

CLAIMED: Final = text("claim IS NOT NULL")


class DeliveryStatus(StrEnum):
    """PENDING: to be sent. SENT: taken by the other side. PARKED: given up, until somebody sends it again. DROPPED: the
    recipient is none any more."""

    PENDING = "PENDING"
    SENT = "SENT"
    PARKED = "PARKED"
    DROPPED = "DROPPED"


class Alert(SQLModel, table=True):
    """A threshold that was crossed: once in a period for each limit in force, whatever comes after.

    `ratio` is of `limit`, which followed from the version `contract_version` as `basis` says. `used` is what was used
    when it was found. `recovered_at` is null while it is crossed, and then when it was found not to be, or that period
    or limit not to be in force. `recovery_told` is whether a message told that its ratio is crossed no more: one does,
    once no alert stands for that ratio of the meter, however often this happens.
    """

    __table_args__ = (UniqueConstraint("license_id", "meter", "period_first", "ratio", "limit"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    meter: str = Field(sa_type=Name)
    period_first: date
    period_end: date
    ratio: Decimal = Field(sa_type=ExactDecimal)
    limit: Decimal = Field(sa_type=ExactDecimal)
    basis: str
    contract_version: int
    used: Decimal = Field(sa_type=ExactDecimal)
    status: str
    crossed_at: datetime = Field(sa_type=UtcDateTime)
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recovery_told: bool = False


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

    `due_at` is when it may be taken; while a worker has it, when another may. It is null once over. `said` is what
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
    said: str | None = None
