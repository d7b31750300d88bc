"""Many licenses with a year to measure and one meter that loops: all else is refreshed, and no lease runs out."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, func, select, update

from core.consumption.tables import Snapshot
from core.database.engine import Database
from core.plugins.breaker import load_pauses
from core.queue.tables import RefreshRun
from core.usage.tables import LateUsage
from core.workers.held_runs import HeldRuns
from core.workers.refresh_due import refresh_all_due
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter
from tests.faults.plugins.test_breaker import HONEST
from tests.fixtures.engine import usage_event
from tests.forms import long

YEAR = timedelta(days=365)
LEASE = timedelta(seconds=20)
"""Shorter than the refreshes of a batch take."""


@contextmanager
def most_attempts(database: Database) -> Iterator[list[int]]:
    """Yield the largest numbers of claims of a run that did not finish, as seen from time to time."""
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            with database.read() as session:
                seen.append(session.exec(select(func.max(RefreshRun.attempts))).one())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


@pytest.mark.timeout(900)  # a year of each license is measured
@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("licenses", [30, long(100)])
def test_a_meter_that_loops_delays_no_license_with_a_year_to_measure(
    load: Load, database: Database, licenses: int
) -> None:
    registry = load(bad=own_meter("loops", "while True: pass"), good=HONEST)
    now = datetime.now(UTC)
    begun = (now - YEAR - timedelta(days=10)).date()
    keys = [f"license-{number}" for number in range(licenses)]
    with engine_with(registry, database) as one, engine_with(registry, database) as other:
        for number, key in enumerate(keys):
            one.license(key, terms={}, now=now, effective_from=begun, starts_on=begun)
            one.backfill(usage_event("job.done", key, now - timedelta(days=2), quantity=number), now=now)
            with database.write() as session:
                session.merge(LateUsage(license_id=one.id(key), since=(now - YEAR).date()))
        with database.write() as session:
            session.execute(update(RefreshRun).values(due_at=now))
        with most_attempts(database) as attempts, ThreadPoolExecutor(2) as workers:
            for engine in (one, other):
                workers.submit(refresh_all_due, engine.runtime, HeldRuns(database, LEASE))
        assert max(attempts) == 1  # a run whose lease had run out would have been claimed once more
        with database.read() as session:
            snapshots = session.exec(select(Snapshot).order_by(col(Snapshot.license_id))).all()
            # More than once where the pause of the meter that loops ended meanwhile, and its reading was due again.
            assert min(snapshot.refreshed for snapshot in snapshots) >= 1
            assert {run.status for run in session.exec(select(RefreshRun))} == {"QUEUED"}
            assert load_pauses(session).meters.keys() == {"loops"}
        for number, key in enumerate(keys):
            readings = one.readings(key)
            assert readings["honest"].used == number
            assert {meter for meter, reading in readings.items() if reading.problem} == {"loops"}
        assert len(one.points("honest", keys[-1])) > YEAR.days
