"""The tables of the ledger and its rollups.

An amount is two integers, `whole` and `nanos` (billionths), so that sums are exact on every database.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Json, Microseconds, Name, UtcDateTime


class UsageSeries(SQLModel, table=True):
    """A series: an event type, an entity and a set of dimensions of a license.

    `entity` is the name of an :class:`Entity`, empty for usage of none. `dimensions` is canonical JSON.
    """

    __tablename__ = "usage_series"
    __table_args__ = (UniqueConstraint("license_id", "event", "entity", "dimensions"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    license_id: int = Field(sa_type=BigId, foreign_key="license.id")
    event: str = Field(sa_type=Name)
    entity: str = Field(sa_type=Name)
    dimensions: str = Field(sa_type=Name)


class Entity(SQLModel, table=True):
    """An entity of a license. `name` is the spelling in which it was first named, and never changes.

    `label` is the name that people see, None for `name`. From the day `closed_from` on the entity is no part of levels,
    and usage that names it is usage of the entity `into`; without `into` it is rejected. `changed_by` is the name of
    the key that closed or renamed the entity last.
    """

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    name: str = Field(primary_key=True, sa_type=Name)
    label: str | None = None
    closed_from: date | None = None
    into: str | None = Field(default=None, sa_type=Name)
    changed_by: str | None = None
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class EntitySpelling(SQLModel, table=True):
    """A name that stands for an entity, as :func:`core.text.fold_name` folds it, with the entity's own name."""

    __tablename__ = "entity_spelling"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    folded: str = Field(primary_key=True, sa_type=Name)
    name: str = Field(sa_type=Name)


class LedgerEvent(SQLModel, table=True):
    """An accepted usage event in the ledger. `day` is its day in the license's time zone.

    `spends` tells whether the event spends credits: such events of a day are found by their time. On PostgreSQL each
    `segment` is a partition with a key of its own, so that an old segment is dropped at once.
    """

    __tablename__ = "usage_event"
    __table_args__ = (
        Index(
            "usage_event_spending",
            *("license_id", "series_id", "day", "time"),
            postgresql_where=text("spends"),
            sqlite_where=text("spends"),
        ),
    )

    license_id: int = Field(primary_key=True, sa_type=BigId)
    source: str = Field(primary_key=True, sa_type=Name)
    id: str = Field(primary_key=True, sa_type=Name)
    series_id: int = Field(sa_type=BigId)
    time: datetime = Field(sa_type=Microseconds)
    day: date
    whole: int = Field(sa_type=BigInteger)
    nanos: int
    segment: int = Field(sa_type=SmallInteger)
    accepted: int | None = Field(default=None, sa_type=BigInteger)
    """Of a level: the time of arrival in microseconds since 1970, and later than that of every report of the series
    before. None for counters, and for events from before this was recorded."""
    spends: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    cancelled_by: str | None = Field(default=None, sa_type=Name)
    """The id of the correction that cancelled the event, which then counts 0. None for an event that counts."""


class UsageCorrection(SQLModel, table=True):
    """A correction of counted usage, with its reason and its author. It is kept for ever, so that an id counts once.

    A correction either adds the signed `quantity` to an event type at a `time`, as an event of the source
    :data:`core.usage.events.ADJUSTMENT` in the ledger, or cancels the event `cancelled_id` of `cancelled_source`. The
    other columns are None then. `dimensions` is canonical JSON, `author` the name of the access key.
    """

    __tablename__ = "usage_correction"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    reason: str
    author: str
    corrected_at: datetime = Field(sa_type=UtcDateTime)
    event: str | None = None
    quantity: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    time: datetime | None = Field(default=None, sa_type=UtcDateTime)
    entity: str | None = None
    dimensions: str | None = None
    cancelled_source: str | None = Field(default=None, sa_type=Name)
    cancelled_id: str | None = Field(default=None, sa_type=Name)


class LedgerSegment(SQLModel, table=True):
    """A segment of the ledger by time of arrival. The segment with the highest `number` is open, the others closed."""

    __tablename__ = "ledger_segment"

    number: int = Field(primary_key=True, sa_type=SmallInteger)
    opened_at: datetime = Field(sa_type=UtcDateTime)


class UsageSum(SQLModel, table=True):
    """The rollup of a counter: the sum of a series on a day of the license's time zone.

    A sum has a row for each `shard`, so that several writers of a series need not wait for each other. `events` counts
    all events in the ledger, cancelled ones as well, so that dropped events are noticed. `late` counts those that were
    counted after their day had ended. The event with the newest time is kept as `last_time`, `last_source`, `last_id`
    and `last_accepted`, the time of arrival in microseconds since 1970; all four are None where it is not known.
    """

    __tablename__ = "usage_sum"
    # Above 64 bits SQLite would count on in floating point. Half of that is the limit on both databases.
    __table_args__ = (CheckConstraint("whole < 4611686018427387904", name="usage_sum_in_range"),)

    license_id: int = Field(primary_key=True, sa_type=BigId)
    series_id: int = Field(primary_key=True, sa_type=BigId)
    day: date = Field(primary_key=True)
    shard: int = Field(primary_key=True, sa_type=SmallInteger)
    whole: int = Field(sa_type=BigInteger)
    nanos: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    late: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    last_time: datetime | None = Field(default=None, sa_type=Microseconds)
    last_source: str | None = Field(default=None, sa_type=Name)
    last_id: str | None = Field(default=None, sa_type=Name)
    last_accepted: int | None = Field(default=None, sa_type=BigInteger)


class UsageDuplicates(SQLModel, table=True):
    """The number of events of a series on a day that were sent again, and recognized as duplicates."""

    __tablename__ = "usage_duplicates"

    license_id: int = Field(primary_key=True, sa_type=BigId)
    series_id: int = Field(primary_key=True, sa_type=BigId)
    day: date = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)


class UsageLevel(SQLModel, table=True):
    """The rollup of a level: its newest value on a day. Of equal times, the report that was accepted last decides.

    A report from a clock ahead gives way to a report that arrives after its time has come.
    """

    __tablename__ = "usage_level"

    license_id: int = Field(primary_key=True, sa_type=BigId)
    series_id: int = Field(primary_key=True, sa_type=BigId)
    day: date = Field(primary_key=True)
    whole: int = Field(sa_type=BigInteger)
    nanos: int
    time: datetime = Field(sa_type=Microseconds)
    source: str = Field(sa_type=Name)
    event_id: str = Field(sa_type=Name)
    accepted: int | None = Field(default=None, sa_type=BigInteger)
    """As in the ledger."""


class CreditSlice(SQLModel, table=True):
    """The spending of a series on a past day from an instant on, up to the next slice of the day.

    Slices divide the days on which grants of credits begin or end. A refresh makes them from the ledger, and they stay
    when the ledger drops the events of the day. The first slice of a day begins with the day, at `starts_at` 1970.
    """

    __tablename__ = "credit_slice"

    license_id: int = Field(primary_key=True, sa_type=BigId)
    day: date = Field(primary_key=True)
    series_id: int = Field(primary_key=True, sa_type=BigId)
    starts_at: datetime = Field(primary_key=True, sa_type=Microseconds)
    whole: int = Field(sa_type=BigInteger)
    nanos: int


class LateUsage(SQLModel, table=True):
    """A license whose past usage or contract changed: its history from `since` on is measured again.

    `revision` grows with every change, so that a change that arrives while a refresh runs is not lost.
    """

    __tablename__ = "late_usage"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    since: date
    revision: int = 1


class StoredCheckpoint(SQLModel, table=True):
    """The usage of a license up to and including the day `through`, see :mod:`core.measuring.checkpoints`."""

    __tablename__ = "usage_checkpoint"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    through: date
    usage: dict[str, Any] = Field(sa_type=Json)


class ImportedFile(SQLModel, table=True):
    """An imported file of events, by the digest of its content and by whether it was a backfill.

    `lines` is the number of lines done so far; `accepted`, `duplicates` and `rejected` (by code) count their events.
    The first `rejected_size` bytes of the file at `rejected_path` are the rejected rows.
    """

    __tablename__ = "imported_file"

    digest: str = Field(primary_key=True)
    backfill: bool = Field(primary_key=True)
    name: str
    lines: int = Field(default=0, sa_type=BigInteger)
    accepted: int = Field(default=0, sa_type=BigInteger)
    duplicates: int = Field(default=0, sa_type=BigInteger)
    rejected: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    rejected_path: str | None = None
    rejected_size: int = Field(default=0, sa_type=BigInteger)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
