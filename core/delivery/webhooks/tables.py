"""Endpoints, and the log of what was sent to them, as they are kept."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime


class WebhookEndpoint(SQLModel, table=True):
    """Where a platform listens for a license's messages, known to people by `key`.

    `id` is what deliveries name; one that is made anew under the same key has another. `kinds` are those that it
    wants, null for all. `secrets` are kept as they are, since signing needs them, the newest first: each signs until
    its `until`, the newest for as long as there is no newer one. `disabled_because` says why it was disabled where
    nobody asked for it.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (UniqueConstraint("license_id", "key"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    key: str = Field(sa_type=Name)
    url: str
    kinds: list[str] | None = Field(default=None, sa_type=Json)
    enabled: bool = True
    disabled_because: str | None = None
    secrets: list[dict[str, str | None]] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=UtcDateTime)


class WebhookAttempt(SQLModel, table=True):
    """A request that was made for a delivery, and what came of it: a `status` with the beginning of the `answer`, or
    an `error` where there was none."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        Index("webhook_attempt_delivery", "license_id", "delivery_id"),
        Index("webhook_attempt_at", "at"),
    )

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    delivery_id: str = Field(sa_type=Name)
    at: datetime = Field(sa_type=UtcDateTime)
    milliseconds: int
    status: int | None = None
    answer: str | None = None
    error: str | None = None
