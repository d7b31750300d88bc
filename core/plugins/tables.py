"""The tables of plugins: what each declared when it last loaded, who holds which key, and which meters pause."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from core.database.types import Json, Name, UtcDateTime


class KnownPlugin(SQLModel, table=True):
    """A partner's plugin that was loaded once, with its declarations as of the last time.

    `distribution` is "" if it is not known. While `confirmed`, the next process that loads the plugin takes changed
    kinds and units. While `paused_at` is set, an operator has paused the plugin: its meters are not measured.
    """

    __tablename__ = "plugin"

    name: str = Field(primary_key=True, sa_type=Name)
    distribution: str = Field(primary_key=True, sa_type=Name)
    version: str | None
    first_seen: datetime = Field(sa_type=UtcDateTime)
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    declared: dict[str, Any] = Field(sa_type=Json)
    confirmed: bool = False
    paused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HeldKey(SQLModel, table=True):
    """A key that a partner's plugin holds since `since`. `kind` is section, meter or notifier."""

    __tablename__ = "plugin_key"

    kind: str = Field(primary_key=True, sa_type=Name)
    key: str = Field(primary_key=True, sa_type=Name)
    plugin: str = Field(sa_type=Name)
    distribution: str = Field(sa_type=Name)
    since: datetime = Field(sa_type=UtcDateTime)


class MeterPause(SQLModel, table=True):
    """A partner's meter that hung, crashed or ran out of memory `failures` times in a row, and pauses until `until`."""

    __tablename__ = "meter_pause"

    meter: str = Field(primary_key=True, sa_type=Name)
    failures: int
    code: str
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
