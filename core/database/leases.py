"""Leases on rows: a worker claims rows that are due, and other workers leave them alone until the lease ends.

The refresh queue and the outbox claim rows with a count of attempts; the daily tidying of quotas needs only
:func:`lock_due`. Rows are due, and leases end, by the clock of the database: those of workers differ.
"""

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Select, tuple_, update
from sqlalchemy import select as sa_select
from sqlmodel import Session, col

from core.database.dialect import current_time, is_postgresql
from core.database.engine import Database

logger = logging.getLogger(__name__)

_RENEWALS: Final = 3
"""Renewals within a lease, so that one that fails costs no claim."""


class Leasable(Protocol):
    """The columns of a table whose rows can be claimed.

    `due_at` is when a row may be claimed; while a worker holds `claim`, when its lease ends; null once the row is over.
    """

    license_id: int
    id: str
    due_at: datetime | None
    claim: str | None
    attempts: int


R = TypeVar("R", bound=Leasable)
S = TypeVar("S", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Claim(Generic[R]):
    """Rows that were claimed under a `name`, which is empty if there are none.

    `rows` are to be worked on. `abandoned` have lost their workers too often, and are to be given up.
    """

    name: str
    rows: list[R]
    abandoned: list[R]


def claim_time(session: Session) -> datetime:
    """Return the time by which rows are claimed: the database's, which all workers share.

    SQLite has the clock of this process, and all of its workers run on one machine.
    """
    if not is_postgresql(session):
        return datetime.now(UTC)
    return session.scalars(sa_select(current_time(session))).one()


def lock_due(statement: S, due_at: Any, now: datetime, limit: int, of: Any = None) -> S:
    """Return the statement for rows that are due, oldest first, and lock them until the transaction ends.

    Rows that another transaction has locked are skipped. SQLite needs no lock, as it has one writer.

    Args:
        statement: A SELECT of rows.
        due_at: The column with the time from which a row may be claimed.
        now: The time.
        limit: The largest number of rows.
        of: The table to lock, if the statement has several.
    """
    due = statement.where(col(due_at) <= now).order_by(col(due_at)).limit(limit)
    return due.with_for_update(skip_locked=True, of=of)


def claim_due(
    session: Session,
    table: type[R],
    *conditions: ColumnElement[bool],
    now: datetime,
    until: datetime,
    limit: int,
    most_attempts: int,
    **values: Any,
) -> Claim[R]:
    """Claim rows that are due, and count an attempt of each. Takes two statements.

    Args:
        session: A writing session.
        table: The table to claim rows of.
        conditions: Further conditions of the rows.
        now: Rows that are due at this time are claimed.
        until: The end of the lease.
        limit: The largest number of rows.
        most_attempts: Rows with so many attempts are abandoned. Their attempts and due time stay.
        values: Further columns to set in the claimed rows.
    """
    due = lock_due(sa_select(table).where(*conditions), table.due_at, now, limit)
    found = session.scalars(due).all()
    if not found:
        return Claim("", [], [])
    claim = Claim(
        uuid.uuid4().hex,
        [row for row in found if row.attempts < most_attempts],
        [row for row in found if row.attempts >= most_attempts],
    )
    for row in claim.abandoned:
        row.claim = claim.name
    if claim.rows:
        key = tuple_(col(table.license_id), col(table.id))
        session.execute(
            update(table)
            .where(key.in_([(row.license_id, row.id) for row in claim.rows]))
            .values(claim=claim.name, due_at=until, attempts=col(table.attempts) + 1, **values)
            # So that the rows of the session have the new values without being read again.
            .execution_options(synchronize_session="evaluate")
        )
    return claim


class Lease:
    """The lease of a claim, as this process knows it.

    A process that was stopped, and continued, so finds out that other workers may have taken over.

    Attributes:
        claim: The name of the claim.
        length: The time for which it is renewed each time.
    """

    def __init__(self, claim: str, length: timedelta, since: float) -> None:
        """Begin the lease.

        Args:
            claim: The name of the claim.
            length: The length of the lease.
            since: A time before the rows were claimed, by the monotonic clock, which goes on while a process is
                stopped.
        """
        self.claim: Final = claim
        self.length: Final = length
        self._until = since + length.total_seconds()

    @property
    def is_over(self) -> bool:
        """The lease ended before it was renewed: the rows may be claimed by another worker."""
        return monotonic() >= self._until

    def renew(self, database: Database, rows: Sequence[Leasable]) -> None:
        """Move the end of the lease of rows, of those that the claim still holds."""
        since = monotonic()
        with database.write() as session:
            is_held = _renew(session, self.claim, rows, claim_time(session) + self.length)
        if is_held:
            self._until = since + self.length.total_seconds()


@contextmanager
def renewing(database: Database, lease: Lease, rows: Sequence[Leasable]) -> Iterator[None]:
    """Renew a lease at intervals until the block ends, so that it may be short.

    Args:
        database: The database.
        lease: The lease.
        rows: The claimed rows, of one table.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease.length.total_seconds() / _RENEWALS):
            try:
                lease.renew(database, rows)
            except Exception as error:  # the next renewal may succeed; until then the lease lasts
                logger.warning("a lease could not be renewed; trying again: %s", error)

    threading.Thread(target=renew, name="lease", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _renew(session: Session, claim: str, rows: Sequence[Leasable], until: datetime) -> bool:
    """Move the end of the lease of rows. Return whether the claim holds any of them."""
    table = type(rows[0])
    key = tuple_(col(table.license_id), col(table.id))
    renewed = session.execute(
        update(table)
        .where(col(table.claim) == claim, key.in_([(row.license_id, row.id) for row in rows]))
        .values(due_at=until)
        .execution_options(synchronize_session=False)
    )
    return bool(cast("CursorResult[Any]", renewed).rowcount)
