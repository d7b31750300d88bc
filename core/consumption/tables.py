"""The tables of snapshots, of what lists of licenses show, and of history."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Microseconds, Name


class Snapshot(SQLModel, table=True):
    """A license's current readings, replaced as a whole; `version` grows with every change.

    `refreshed` counts the refreshes that were saved: a refresh that was planned before another one was saved is out of
    date, whatever the clocks of the workers say.

    `readings` holds a document for each meter, see :mod:`core.consumption.readings.documents`.
    """

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    license_key: str = Field(sa_type=Name)
    version: int
    refreshed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    readings: dict[str, Any] = Field(sa_type=Json)


class LicenseOverview(SQLModel, table=True):
    """The figures by which licenses are listed: one narrow row beside each snapshot, written with it.

    A list reads no snapshot, so that it costs little however many licenses there are. Each order has an index.

    `severity` ranks the status, see :data:`core.consumption.readings.status.SEVERITY`. `utilization` is the highest
    utilization of a reading in millionths; -1 if no reading has a limit. `meters` holds the severity of each reading
    that counts, see :mod:`core.consumption.overview`. The times are microseconds since 1970: `updated_at` of the
    section that was updated least recently, 0 if none ever was; `stale_at`, from which a reading is stale, 0 if one is
    stale already; `changed_at`, the last change of anything that readers see, by the clock of the database.
    """

    __tablename__ = "license_overview"
    __table_args__ = (
        Index("license_overview_worst_first", text("severity DESC"), "license_key"),
        Index("license_overview_utilization", text("utilization DESC"), "license_key"),
        Index("license_overview_updated", "updated_at", "license_key"),
        Index("license_overview_changed", "changed_at"),
    )

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    license_key: str = Field(sa_type=Name, unique=True)
    severity: int
    utilization: int = Field(default=-1, sa_type=BigInteger)
    updated_at: int = Field(default=0, sa_type=BigInteger)
    stale_at: int = Field(default=0, sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)
    meters: str = ""


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
