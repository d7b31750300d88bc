"""The queue of refreshes: request a run, schedule it, claim it, finish it.

The rows are the queue. A message of a broker only announces that there is something to claim: a lost message costs
time, never a refresh.

procrastinate and pgqueuer were weighed: both need PostgreSQL, while the embedded default is SQLite.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, tuple_
from sqlmodel import Session, col, func, select, update

from core.access.person import Person, stored_person
from core.database.dialect import insert_into, parts
from core.database.leases import claim_due, claim_time
from core.errors import RateLimited
from core.queue.tables import RefreshRun, RefreshStatus

SCHEDULE: Final = "schedule"
"""The id of each license's standing run: a permanent run, which is scheduled again each time that it finishes."""
MOST_ATTEMPTS: Final = 5
"""Attempts after which a run fails, if each lost its worker."""
_NO_DUE_TIME: Final = timedelta(days=1)
"""When a license is refreshed again if no due time is known."""
_ABANDONED: Final = f"Given up: its worker was lost {MOST_ATTEMPTS} times."
_KEY = tuple_(col(RefreshRun.license_id), col(RefreshRun.id))


def request_refresh(
    session: Session,
    license_ids: Collection[int],
    sections: Iterable[str] | None,
    now: datetime,
    *,
    by: str | None = None,
    person: Person | None = None,
    most_per_hour: int | None = None,
) -> list[RefreshRun]:
    """Request a refresh of each license now. Return a run for each license, in the order of the licenses.

    If an equal request of a license waits already, its run is returned and no other is made.

    Args:
        session: A writing session.
        license_ids: The licenses.
        sections: The sections to refresh; None for all.
        now: The time of the request.
        by: The name of the API key or of the operator who requests; None if nobody does.
        person: The person of the session that requests, if any.
        most_per_hour: The largest number of requests of a license within an hour; None for any number.

    Raises:
        RateLimited: A license has had as many requests within an hour.
    """
    wanted = None if sections is None else sorted(set(sections))
    waiting = _waiting(session, license_ids, wanted)
    due_at = min(now, claim_time(session))
    if most_per_hour is not None:
        _require_rate(session, [each for each in license_ids if each not in waiting], now, most_per_hour)
    new = {
        license_id: RefreshRun(
            license_id=license_id,
            id=uuid.uuid4().hex,
            sections=wanted,
            due_at=due_at,
            requested_at=now,
            requested_by=by,
            person=stored_person(person),
        )
        for license_id in license_ids
        if license_id not in waiting
    }
    session.add_all(new.values())
    session.flush()
    return [waiting.get(license_id) or new[license_id] for license_id in license_ids]


def _require_rate(session: Session, license_ids: Collection[int], now: datetime, most: int) -> None:
    """Raise RateLimited if a license has had as many requests within the last hour."""
    hour = timedelta(hours=1)
    for license_id in license_ids:
        newest = select(RefreshRun.requested_at).where(
            RefreshRun.license_id == license_id, RefreshRun.id != SCHEDULE, col(RefreshRun.requested_at) > now - hour
        )
        oldest = session.exec(newest.order_by(col(RefreshRun.requested_at).desc()).offset(most - 1).limit(1)).first()
        if oldest is not None:
            raise RateLimited(
                "Refreshes of this license are requested too often.", (oldest + hour - now).total_seconds()
            )


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
    """Make the license's standing run due now, because something changed that all readings may depend on.

    A worker that holds the run may have read too early: it loses its claim, so that the run is claimed again.
    """
    due = {
        "status": RefreshStatus.QUEUED, "only_due": False, "due_at": min(now, claim_time(session)),
        "requested_at": now, "claim": None, "attempts": 0,
    }  # fmt: skip
    statement = insert_into(session, RefreshRun).values(license_id=license_id, id=SCHEDULE, **due)
    session.execute(statement.on_conflict_do_update(index_elements=["license_id", "id"], set_=due))


def claim_runs(session: Session, now: datetime, most: int, lease: timedelta) -> tuple[str, list[RefreshRun]]:
    """Claim runs that are due. Return the name of the claim, empty if no run was due, and the runs.

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
    finish_runs(session, claim.name, claim.abandoned, {}, now, problem=_ABANDONED)
    return claim.name, claim.rows


def finish_runs(
    session: Session,
    claim: str,
    runs: Collection[RefreshRun],
    next_due: Mapping[int, datetime],
    now: datetime,
    problem: str | None = None,
) -> None:
    """Finish the runs that a claim still holds.

    Args:
        session: A writing session.
        claim: The name of the claim.
        runs: The claimed runs.
        next_due: When the standing run of each license is due again; a day from now for other licenses.
        now: The time.
        problem: Why the runs failed; None if they did not.
    """
    requested = [(run.license_id, run.id) for run in runs if run.id != SCHEDULE]
    standing = {run.license_id: next_due.get(run.license_id, now + _NO_DUE_TIME) for run in runs if run.id == SCHEDULE}
    if requested:
        _finish_requests(session, claim, requested, now, problem)
    if standing:
        _reschedule(session, claim, standing, now, problem)


def requeue_runs(session: Session, claim: str, runs: Collection[RefreshRun], now: datetime) -> None:
    """Queue runs that a claim still holds again, due now, because they are given back, or were refreshed by others.

    The runs lost no worker, so this attempt does not count.
    """
    keys = [(run.license_id, run.id) for run in runs]
    if keys:
        session.exec(
            update(RefreshRun)
            .where(col(RefreshRun.claim) == claim, _KEY.in_(keys))
            .values(status=RefreshStatus.QUEUED, due_at=now, claim=None, attempts=col(RefreshRun.attempts) - 1)
        )


def _finish_requests(
    session: Session, claim: str, keys: Collection[tuple[int, str]], now: datetime, problem: str | None
) -> None:
    status = RefreshStatus.FAILED if problem else RefreshStatus.DONE
    session.exec(
        update(RefreshRun)
        .where(col(RefreshRun.claim) == claim, _KEY.in_(keys))
        .values(status=status, due_at=None, claim=None, finished_at=now, problem=problem)
    )


def _reschedule(
    session: Session, claim: str, next_due: Mapping[int, datetime], now: datetime, problem: str | None
) -> None:
    """Queue the standing runs of licenses again, for their next due times."""
    is_standing = col(RefreshRun.license_id).in_(next_due), col(RefreshRun.id) == SCHEDULE
    queued = session.exec(
        update(RefreshRun)
        .where(col(RefreshRun.claim) == claim, *is_standing)
        .values(
            status=RefreshStatus.QUEUED,
            only_due=problem is None,
            due_at=case(dict(next_due), value=col(RefreshRun.license_id)),
            claim=None,
            attempts=0,
            finished_at=now,
            problem=problem,
        )
    )
    if queued.rowcount < len(next_due):
        # The claims of some runs were taken away for newer changes. They are to run again, but lost no worker.
        session.exec(update(RefreshRun).where(col(RefreshRun.claim).is_(None), *is_standing).values(attempts=0))


def count_due(session: Session, now: datetime) -> int:
    """Return the number of runs that could be claimed now."""
    return session.exec(select(func.count()).select_from(RefreshRun).where(col(RefreshRun.due_at) <= now)).one()
