"""Installations and quota windows as they are kept.

An installation is one row, however many windows it is active in, so that no window has to be cleared away: its
counters are what is left of it. Times that admission compares are microseconds since 1970.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Microseconds, Name, UtcDateTime

STORAGE: Final = {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 80}}
"""SQLite keeps the rows in their key's own tree; PostgreSQL leaves room to change a row where it stands."""


class Installation(SQLModel, table=True):
    """What is known of an identifier that checked in for a license's meter of admission.

    `place` is the start of the last window in which it got a place, null where it never did. `seen` is when it last
    called with one, to the day; null before that, and once it counts as lost. `refused_at` and
    `retry_at` are of its last refusal. `identifier` is null where the license wants digests alone, and for what
    was only ever refused.
    """

    __table_args__ = STORAGE

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    identifier: str | None = Field(default=None, sa_type=Name)
    place: datetime | None = Field(default=None, sa_type=Microseconds)
    seen: datetime | None = Field(default=None, sa_type=Microseconds)
    refused_at: datetime | None = Field(default=None, sa_type=Microseconds)
    retry_at: datetime | None = Field(default=None, sa_type=Microseconds)


class AdmissionWindow(SQLModel, table=True):
    """The counters of a quota window: places taken, how many of them by new installations, lost, and refused.

    `quota` is the one in force, null without one. `places` is the most that may be taken: the quota, or what was
    taken already where that is more. The database itself refuses more, whatever the code does.
    """

    __tablename__ = "admission_window"
    __table_args__ = (CheckConstraint("used <= places", name="admission_window_has_room"), STORAGE)

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    starts_at: datetime = Field(primary_key=True, sa_type=Microseconds)
    ends_at: datetime = Field(sa_type=Microseconds)
    time_zone: str
    quota: int | None = Field(default=None, sa_type=BigInteger)
    places: int | None = Field(default=None, sa_type=BigInteger)
    used: int = Field(default=0, sa_type=BigInteger)
    new: int = Field(default=0, sa_type=BigInteger)
    lost: int = Field(default=0, sa_type=BigInteger)
    refused: int = Field(default=0, sa_type=BigInteger)


class AdmissionDay(SQLModel, table=True):
    """How many places of a window were taken on a day of the license's time zone: what its history is made of."""

    __tablename__ = "admission_day"
    __table_args__ = STORAGE

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    starts_at: datetime = Field(primary_key=True, sa_type=Microseconds)
    day: date = Field(primary_key=True)
    admitted: int = Field(sa_type=BigInteger)


class AdmissionRegister(SQLModel, table=True):
    """What a license's meter of admission keeps beside its installations.

    `secret` is the key of their digests. `tidy_at` is when its lost are to be counted and its leftovers dropped.
    """

    __tablename__ = "admission_register"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    meter: str = Field(primary_key=True, sa_type=Name)
    secret: bytes = Field(sa_type=LargeBinary)
    tidy_at: datetime = Field(sa_type=UtcDateTime, index=True)
