"""The tables of API keys and of sessions. They have digests of tokens, never tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime
from core.licenses.tables import now


class ApiKey(SQLModel, table=True):
    """An API key with its scopes, for a license or, if `license_id` is null, for all licenses."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True, sa_type=Name)
    name: str
    digest: str = Field(unique=True)
    license_id: int | None = Field(default=None, sa_type=BigId, foreign_key="license.id")
    scopes: list[str] = Field(sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AccessSession(SQLModel, table=True):
    """A session: a token for a browser, which reads one license until `expires_at`, or until its key is revoked.

    `scopes` are among those of its key. `person` is the stored form of :class:`core.access.person.Person`.
    """

    __tablename__ = "access_session"
    __table_args__ = (
        Index("access_session_key", "key_id", "expires_at"),
        Index("access_session_end", "expires_at"),
        Index("access_session_id", "id", unique=True),
    )

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    digest: str = Field(unique=True)
    key_id: str = Field(sa_type=Name, foreign_key="api_key.id")
    scopes: list[str] = Field(sa_type=Json)
    person: dict[str, Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
