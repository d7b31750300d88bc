"""The tables of installations and quota windows.

An installation has one row, however many windows it is active in. So no window has to be deleted when it ends: its
counters remain. Times that check-ins compare are microseconds since 1970.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from core.admission.signatures import SigningRules
from core.database.types import BigId, Microseconds, Name, UtcDateTime

STORAGE: Final = {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 80}}
"""SQLite stores the rows in the tree of their key. PostgreSQL leaves room to update a row in its page."""


class Installation(SQLModel, table=True):
    """An installation that checked in for a license's meter with a hard quota.

    `place` is the start of the last window in which it got a place, null if it never did. `seen` is its last check-in
    with a place, to the day; null before that, and once it counts as lost. `first_seen` is the time of its first
    place since it was unknown or lost, and `taken_on` the day on which its last place was counted; both are null if
    the place was taken before they were recorded. `refused_at` and `retry_at` are of its last refusal. `identifier`
    is null if the contract wants only digests, and for an installation that never had a place.
    """

    __table_args__ = STORAGE

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    identifier: str | None = Field(default=None, sa_type=Name)
    place: datetime | None = Field(default=None, sa_type=Microseconds)
    seen: datetime | None = Field(default=None, sa_type=Microseconds)
    first_seen: datetime | None = Field(default=None, sa_type=Microseconds)
    taken_on: date | None = Field(default=None)
    refused_at: datetime | None = Field(default=None, sa_type=Microseconds)
    retry_at: datetime | None = Field(default=None, sa_type=Microseconds)


class AdmissionWindow(SQLModel, table=True):
    """The counters of a quota window: places taken, of them by new installations, lost and refused installations.

    `quota` is the quota in force, null without one. `places` is the largest allowed `used`: the quota, or the number
    taken before a lower quota came into force. The check of the table rejects more, whatever the code does.
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
    """The counters of a window by day of the license's time zone, for the window's history.

    `admitted` places were taken on the day, and `refused` installations were refused for the first time in the window.
    """

    __tablename__ = "admission_day"
    __table_args__ = STORAGE

    license_id: int = Field(primary_key=True, sa_type=BigId)
    meter: str = Field(primary_key=True, sa_type=Name)
    starts_at: datetime = Field(primary_key=True, sa_type=Microseconds)
    day: date = Field(primary_key=True)
    admitted: int = Field(sa_type=BigInteger)
    refused: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class AdmissionRegister(SQLModel, table=True):
    """The register of a license's meter with a hard quota.

    `secret` is the key of the digests of its identifiers. `tidy_at` is the time at which lost installations are next
    counted and old rows deleted. `generation` is the number of times that places were freed: what a process remembers
    of an earlier generation has to be looked up again.
    """

    __tablename__ = "admission_register"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    meter: str = Field(primary_key=True, sa_type=Name)
    secret: bytes = Field(sa_type=LargeBinary)
    tidy_at: datetime = Field(sa_type=UtcDateTime, index=True)
    generation: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": "0"})


class CheckInSecret(SQLModel, table=True):
    """The secret that signs the identifiers of a license's installations; see :mod:`core.admission.signatures`.

    `previous` is the secret before it, accepted until `previous_until`; both are null if there is none. With `required`
    an installation without a signature gets no place. `changed_by` is the name of the access key or the user.
    """

    __tablename__ = "check_in_secret"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    secret: str
    previous: str | None = None
    previous_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    required: bool = False
    made_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    changed_by: str

    @property
    def rules(self) -> SigningRules:
        """The secrets and whether signatures are required, as check-ins need them."""
        return SigningRules(self.secret, self.previous, self.previous_until, self.required)


class FreedPlaces(SQLModel, table=True):
    """The record of places that were freed together, with their number, the reason and the author. It is kept for ever.

    Either the place of one installation was freed, or the places of installations first seen from `first_seen_from` up
    to but not including `first_seen_before`. `identifier` is the installation's, null if the contract wants only
    digests. `starts_at` is the start of the quota window.
    """

    __tablename__ = "freed_places"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    meter: str = Field(primary_key=True, sa_type=Name)
    generation: int = Field(primary_key=True, sa_type=Integer)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    freed_at: datetime = Field(sa_type=UtcDateTime)
    freed_by: str
    note: str | None = None
    freed: int = Field(sa_type=Integer)
    identifier: str | None = Field(default=None, sa_type=Name)
    first_seen_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_seen_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
