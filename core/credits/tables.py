"""Requests for credits, and notices of credits about to expire, as they are kept."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Name, UtcDateTime


class CreditRequest(SQLModel, table=True):
    """Credits that somebody asks for. It is open until a grant answers it, whose id is then `closed_by`.

    `requested_by` is the name of the key that it was asked with.
    """

    __tablename__ = "credit_request"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    meter: str
    amount: Decimal = Field(sa_type=ExactDecimal)
    entity: str | None = None
    note: str | None = None
    requested_by: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    closed_by: str | None = Field(default=None, sa_type=Name)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CreditNotice(SQLModel, table=True):
    """That people were told, so many days ahead at the most, that what is left of a grant expires."""

    __tablename__ = "credit_notice"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    grant_id: str = Field(primary_key=True, sa_type=Name)
    days: int = Field(primary_key=True)
    found_at: datetime = Field(sa_type=UtcDateTime)
