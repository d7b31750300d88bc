"""The queue of record: which refresh is due, who has it, what became of it.

A broker's message only says that there is something to take; a lost one costs time, never a refresh.

procrastinate and pgqueuer were weighed: both need PostgreSQL, while the embedded default is SQLite.
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, tuple_
from sqlmodel import Session, col, func, select, update

from core.database.dialect import insert_into, parts
from core.database.leases import claim_due
from core.queue.tables import RefreshRun, RefreshStatus

SCHEDULE: Final = "schedule"
"""The id of each license's standing run, which is never over."""
MOST_ATTEMPTS: Final = 5
_ABANDONED: Final = "Its workers were lost again and again; it was given up."
_KEY = tuple_(col(RefreshRun.license_id), col(RefreshRun.id))


def request_refresh(
    session: Session, license_ids: Collection[int], sections: Iterable[str] | None, now: datetime
) -> list[RefreshRun]:
    """Request a refresh of each license now. Return a run for each license, in the order of the licenses.

    If an equal request of a license waits already, its run is returned and no other is made.

    Args:
        session: A writing session.
        license_ids: The licenses.
        sections: The sections to refresh; None for all.
        now: The time of the request.
    """
    wanted = None if sections is None else sorted(set(sections))
    waiting = _waiting(session, license_ids, wanted)
    new = {
        license_id: RefreshRun(
            license_id=license_id, id=uuid.uuid4().hex, sections=wanted, due_at=now, requested_at=now
        )
        for license_id in license_ids
        if license_id not in waiting
    }
    session.add_all(new.values())
    session.flush()
    return [waiting.get(license_id) or new[license_id] for license_id in license_ids]


def _waiting(session: Session, license_ids: Collection[int], sections: list[str] | None) -> dict[int, RefreshRun]:
    """Return the requests for these sections that no worker has claimed yet, by license."""
    waiting: dict[int, RefreshRun] = {}
    for part in parts(license_ids):
        requests = session.exec(
            select(RefreshRun).where(
                col(RefreshRun.license_id).in_(part),
                RefreshRun.status == RefreshStatus.QUEUED,
                RefreshRun.id != SCHEDULE,
            )
        )
        waiting |= {run.license_id: run for run in requests if run.sections == sections}
    return waiting


def schedule_now(session: Session, license_id: int, now: datetime) -> None:
    """Make the license's standing run due, as something changed that a refresh of everything should show."""
    # A worker that has it now may have read too early, so its claim goes: it is taken again after that one.
    due = {
        "status": RefreshStatus.QUEUED, "only_due": False, "due_at": now, "requested_at": now,
        "claim": None, "attempts": 0,
    }  # fmt: skip
    statement = insert_into(session, RefreshRun).values(license_id=license_id, id=SCHEDULE, **due)
    session.execute(statement.on_conflict_do_update(index_elements=["license_id", "id"], set_=due))


def take(session: Session, now: datetime, most: int, lease: timedelta) -> tuple[str, list[RefreshRun]]:
    """Claim runs that are due. Return the name of the claim and the runs.

    No other worker claims the runs until the lease ends. A run that lost its worker :data:`MOST_ATTEMPTS` times fails.
    """
    claim = claim_due(
        session,
        RefreshRun,
        now=now,
        until=now + lease,
        limit=most,
        most_attempts=MOST_ATTEMPTS,
        status=RefreshStatus.RUNNING,
    )
    finish(session, claim.name, claim.abandoned, {}, now, problem=_ABANDONED)
    return claim.name, claim.rows


def finish(
    session: Session,
    claim: str,
    runs: Collection[RefreshRun],
    next_due: dict[int, datetime],
    now: datetime,
    problem: str | None = None,
) -> None:
    """End the runs that are still this claim's. A standing run waits for its license's next due time."""
    if not runs:
        return
    asked = [(run.license_id, run.id) for run in runs if run.id != SCHEDULE]
    standing = {
        run.license_id: next_due.get(run.license_id, now + timedelta(days=1)) for run in runs if run.id == SCHEDULE
    }
    mine = col(RefreshRun.claim) == claim
    if asked:
        status = RefreshStatus.FAILED if problem else RefreshStatus.DONE
        session.exec(
            update(RefreshRun)
            .where(mine, _KEY.in_(asked))
            .values(status=status, due_at=None, claim=None, finished_at=now, problem=problem)
        )
    if standing:
        these = col(RefreshRun.license_id).in_(standing), col(RefreshRun.id) == SCHEDULE
        ended = session.exec(
            update(RefreshRun)
            .where(mine, *these)
            .values(
                status=RefreshStatus.QUEUED,
                only_due=problem is None,
                due_at=case(standing, value=col(RefreshRun.license_id)),
                claim=None,
                attempts=0,
                finished_at=now,
                problem=problem,
            )
        )
        if ended.rowcount < len(standing):
            # Those that were taken away for what is new since are not done, but nobody was lost over them either.
            session.exec(update(RefreshRun).where(col(RefreshRun.claim).is_(None), *these).values(attempts=0))


def count_due(session: Session, now: datetime) -> int:
    """How many runs could be taken now."""
    return session.exec(select(func.count()).select_from(RefreshRun).where(col(RefreshRun.due_at) <= now)).one()
