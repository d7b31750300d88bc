"""The tables of snapshots and history."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Microseconds, Name


class Snapshot(SQLModel, table=True):
    """A license's current readings, replaced as a whole; `version` grows with every change.

    `refreshed` counts the refreshes that were saved: a refresh that was planned before another one was saved is out of
    date, whatever the clocks of the workers say.

    `severity` ranks the status (see :data:`core.consumption.readings.status.SEVERITY`) for lists of the worst.
    `readings` holds a document for each meter, see :mod:`core.consumption.readings.documents`.
    """

    __table_args__ = (Index("snapshot_worst_first", "severity", "license_key"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    license_key: str = Field(sa_type=Name)
    version: int
    refreshed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    severity: int
    readings: dict[str, Any] = Field(sa_type=Json)


class ReadingHistory(SQLModel, table=True):
    """The history of a license's readings: a row for each refresh, and one for the end of each day that is over.

    `readings` holds an entry for each meter that was measured, see :mod:`core.consumption.points`. Days with late
    usage keep only the row of their end, measured again.
    """

    __tablename__ = "reading_history"
    __table_args__ = {"sqlite_with_rowid": False}

    license_id: int = Field(primary_key=True, sa_type=BigId)
    at: datetime = Field(primary_key=True, sa_type=Microseconds)
    readings: dict[str, Any] = Field(sa_type=Json)
