"""The table of the refresh queue."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime


class RefreshStatus(StrEnum):
    """The state of a run. QUEUED: waits until it is due. RUNNING: a worker holds it. DONE, FAILED: the run is over."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class RefreshRun(SQLModel, table=True):
    """A refresh of a license: a request, or the standing run of the license's schedule, whose id is "schedule".

    `due_at` is when a worker may claim the run; while a worker holds `claim`, when its lease ends; null once the run is
    over. `sections` are the sections to refresh, null for all; with `only_due`, only readings that are due.
    `requested_by` is the name of the API key or operator who requested the run, null for others. `person` is the stored
    form of the person of the session that requested it, if it was one.
    """

    __tablename__ = "refresh_run"
    __table_args__ = (Index("refresh_run_due", "due_at"),)

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    status: str = RefreshStatus.QUEUED.value
    sections: list[str] | None = Field(default=None, sa_type=Json)
    only_due: bool = False
    due_at: datetime | None = Field(sa_type=UtcDateTime)
    claim: str | None = None
    attempts: int = 0
    requested_at: datetime = Field(sa_type=UtcDateTime)
    requested_by: str | None = None
    person: dict[str, Any] | None = Field(default=None, sa_type=Json)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str | None = None
