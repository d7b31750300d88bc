"""The table of alerts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Name, UtcDateTime

OPEN: Final = text("recovered_at IS NULL")


class Alert(SQLModel, table=True):
    """A threshold that was crossed: recorded once in a period for each limit in force.

    `ratio` is of `limit`, which followed from the contract version `contract_version` as `basis` describes. `used` is
    the usage when a refresh found it, at `found_at`. `crossed_at` is the time since which the threshold was crossed, as
    far as history knows; after late usage it is earlier than `found_at`. `recovered_at` is null while the alert is
    open; then it is the time at which a refresh found the threshold not crossed, or another period or limit in force.
    `recovery_notified` is true from the message that the ratio is not crossed any more, which is written when no alert
    is open for that ratio of the meter, until the alert opens again.

    `notified_at` is the time at which the first message about the crossing was delivered to anybody, over any channel;
    `mailed_at` the time at which the first e-mail about it was delivered to an admin. Both are null before.
    """

    __table_args__ = (
        UniqueConstraint("license_id", "meter", "period_first", "ratio", "limit"),
        Index("alert_found", text("found_at DESC"), "id"),
        Index("alert_open", text("found_at DESC"), "id", sqlite_where=OPEN, postgresql_where=OPEN),
    )

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
    found_at: datetime = Field(sa_type=UtcDateTime)
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recovery_notified: bool = False
    notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ForecastAlert(SQLModel, table=True):
    """A ratio of a limit that the forecast reached: recorded once in a period for each limit in force.

    `used`, `expected`, `low` and `high` are the usage and the forecast of the period's end when a refresh found this,
    at `found_at`; `exceeds_at`, `exceeds_earliest` and `exceeds_latest` are the forecast instants at which the limit is
    exceeded, as far as there are any. `clear_from` and `clear_to` are the first and the last of the newest days in a
    row on which every forecast was clear of the ratio; `clear_to` is null if none was yet. `recovered_at` is the time
    at which a refresh found the third of them, the period over, or the ratio no longer in the contract. `status` is
    that of the reading at `found_at`, and `notified_at` the time at which the first message was delivered to anybody.
    """

    __tablename__ = "forecast_alert"
    __table_args__ = (
        UniqueConstraint("license_id", "meter", "period_first", "ratio", "limit"),
        Index("forecast_alert_found", text("found_at DESC"), "id"),
        Index("forecast_alert_open", text("found_at DESC"), "id", sqlite_where=OPEN, postgresql_where=OPEN),
    )

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
    expected: Decimal = Field(sa_type=ExactDecimal)
    low: Decimal = Field(sa_type=ExactDecimal)
    high: Decimal = Field(sa_type=ExactDecimal)
    exceeds_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    exceeds_earliest: datetime | None = Field(default=None, sa_type=UtcDateTime)
    exceeds_latest: datetime | None = Field(default=None, sa_type=UtcDateTime)
    found_at: datetime = Field(sa_type=UtcDateTime)
    clear_from: date
    clear_to: date | None = None
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: str
    notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
