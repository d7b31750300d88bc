"""Snapshots and history as they are kept."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Json, Name, UtcDateTime


class Snapshot(SQLModel, table=True):
    """A license's current readings, replaced as a whole; `version` grows with every change.

    `severity` ranks the status (see :data:`core.consumption.status.SEVERITY`) for lists of the worst.
    `readings` holds a document for each meter, see :mod:`core.consumption.readings`.
    """

    __table_args__ = (Index("snapshot_worst_first", "severity", "license_key"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    license_key: str = Field(sa_type=Name)
    version: int
    severity: int
    readings: dict[str, Any] = Field(sa_type=Json)


class ReadingPoint(SQLModel, table=True):
    """The history of a reading: a point for each refresh, and one for the end of each day that is over.

    Of days whose usage came in late only the end is left, measured again.
    """

    __tablename__ = "reading_point"

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    used: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    limit: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    status: str
