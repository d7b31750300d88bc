"""Leases as the process that holds them knows them."""

from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlmodel import select, update

from core.database.engine import Database
from core.database.leases import Lease
from core.queue.queue import claim_runs
from core.queue.tables import RefreshRun
from tests.bench.licenses import make_licenses

MINUTE = timedelta(minutes=1)


def test_a_lease_lasts_from_before_the_claim_until_it_is_renewed(database: Database) -> None:
    make_licenses(database, 1)
    now = datetime.now(UTC)
    with database.write() as session:
        session.exec(update(RefreshRun).values(due_at=now))
        claim, runs = claim_runs(session, now, 1, MINUTE)
    assert not Lease(claim, MINUTE, monotonic()).is_over
    stopped = Lease(claim, MINUTE, monotonic() - 61)
    assert stopped.is_over
    stopped.renew(database, runs)
    assert not stopped.is_over  # nobody else had claimed them


def test_a_lease_that_others_took_over_stays_over(database: Database) -> None:
    make_licenses(database, 1)
    now = datetime.now(UTC)
    with database.write() as session:
        session.exec(update(RefreshRun).values(due_at=now))
        claim, runs = claim_runs(session, now, 1, MINUTE)
    with database.write() as session:
        other, _ = claim_runs(session, now + MINUTE, 1, MINUTE)
    stopped = Lease(claim, MINUTE, monotonic() - 61)
    stopped.renew(database, runs)
    assert stopped.is_over
    with database.read() as session:
        [run] = session.exec(select(RefreshRun))
        assert (run.claim, run.due_at) == (other, now + 2 * MINUTE)
