"""The tables of webhook endpoints and of the attempts to reach them."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime


class WebhookEndpoint(SQLModel, table=True):
    """An endpoint of a platform that receives a license's messages.

    People name an endpoint by `key`, deliveries by `id`: an endpoint that is removed and made again under its key has
    another id. `kinds` are the kinds of messages that the endpoint receives, null for all. Only
    :mod:`core.delivery.webhooks.sign` writes and reads `secrets`. `disabled_because` states why the endpoint was
    disabled automatically.
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
    """A request that was made for a delivery.

    An answered request has the `status` and the beginning of the `answer`, any other request an `error`.
    """

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
