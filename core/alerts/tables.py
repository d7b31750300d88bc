"""Alerts, the messages that tell of them, and the deliveries of those, as they are kept."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Name, UtcDateTime


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
