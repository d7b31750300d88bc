"""The queue of record as it is kept."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database.types import BigId, Json, Name, UtcDateTime


class RefreshStatus(StrEnum):
    """QUEUED: waits until it is due. RUNNING: a worker has it. DONE, FAILED: over."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class RefreshRun(SQLModel, table=True):
    """A refresh of a license to be done, or done: asked for, or the license's standing scheduled one.

    `due_at` is when it may be taken; while a worker has it, when another may. It is null once over.
    `sections` are those asked for, null for all; with `only_due`, of these the readings that are due.
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
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str | None = None
