"""The tables of requests for credits, and of notices that credits are about to expire."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime

OPEN: Final = text("closed_at IS NULL")


class CreditRequest(SQLModel, table=True):
    """A request for credits, which is open until a grant answers it or an operator declines it, at `closed_at`.

    `requested_by` is the name of the API key of the request, `person` the stored form of the person of its session, if
    it was one; `closed_by` is the id of the grant. Of a declined request `declined_by` is the name of the API key,
    `declined_because` the reason.
    """

    __tablename__ = "credit_request"
    __table_args__ = (Index("credit_request_open", "requested_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    meter: str
    amount: Decimal = Field(sa_type=ExactDecimal)
    entity: str | None = None
    note: str | None = None
    requested_by: str
    person: dict[str, Any] | None = Field(default=None, sa_type=Json)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    closed_by: str | None = Field(default=None, sa_type=Name)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    declined_by: str | None = None
    declined_because: str | None = None


class CreditNotice(SQLModel, table=True):
    """A notice that a grant with credits left expires within `days`. It is sent once for each number of days."""

    __tablename__ = "credit_notice"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    grant_id: str = Field(primary_key=True, sa_type=Name)
    days: int = Field(primary_key=True)
    found_at: datetime = Field(sa_type=UtcDateTime)
