"""The table of API keys. It has a digest of the token, never the token."""

from datetime import datetime

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
