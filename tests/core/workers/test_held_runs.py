"""Claims of a process: renewed while work goes on, given back when the process stops."""

from datetime import timedelta
from time import sleep

import pytest
from sqlmodel import select, update

from core.queue.tables import RefreshRun
from core.usage.tables import LateUsage
from core.workers.held_runs import HeldRuns
from core.workers.refresh_due import MOST_ALONE, MUCH_HISTORY, refresh_all_due, refresh_due
from tests.core.workers.test_refresh_due import slowed
from tests.fixtures.engine import NOW, Engine

LEASE = timedelta(seconds=60)
pytestmark = pytest.mark.usefixtures("clock")


def runs_of(engine: Engine) -> list[RefreshRun]:
    with engine.database.read() as session:
        return list(session.exec(select(RefreshRun).order_by(RefreshRun.license_id)))  # type: ignore[arg-type]


def test_a_process_that_stops_claims_nothing_more(engine: Engine) -> None:
    engine.license()
    held = HeldRuns(engine.database, LEASE)
    held.stopping.set()
    refresh_all_due(engine.runtime, held)
    assert [(run.status, run.attempts, run.due_at) for run in runs_of(engine)] == [("QUEUED", 0, NOW)]


def test_a_process_that_stops_finishes_what_it_has_begun_and_gives_back_the_rest(engine: Engine) -> None:
    for key in ("a", "b", "c"):
        engine.license(key)
    first_day = (NOW - MUCH_HISTORY - timedelta(days=2)).date()
    with engine.database.write() as session:  # each license is a batch of its own
        for key in ("a", "b", "c"):
            session.merge(LateUsage(license_id=engine.id(key), since=first_day))
    held = HeldRuns(engine.database, LEASE)
    assert refresh_due(slowed(engine, held.stopping.set), held) == 0
    finished, *rest = runs_of(engine)
    assert (finished.status, finished.due_at == NOW) == ("QUEUED", False)
    assert [(run.status, run.claim, run.attempts, run.due_at) for run in rest] == [("QUEUED", None, 0, NOW)] * 2
    refresh_all_due(engine.runtime)
    assert [engine.snapshot(key).version for key in ("a", "b", "c")] == [1, 1, 1]


def test_of_licenses_with_much_history_a_worker_keeps_a_few_and_gives_back_the_rest(engine: Engine) -> None:
    keys = [f"license-{number:02}" for number in range(MOST_ALONE + 3)]
    first_day = (NOW - MUCH_HISTORY - timedelta(days=2)).date()
    for key in keys:
        engine.license(key)
        with engine.database.write() as session:
            session.merge(LateUsage(license_id=engine.id(key), since=first_day))
    with engine.database.write() as session:
        session.exec(update(RefreshRun).values(attempts=2))  # lost workers count on
    left: list[tuple[str, str | None, int]] = []

    def look() -> None:
        left.extend((run.status, run.claim, run.attempts) for run in runs_of(engine)[MOST_ALONE:])

    assert refresh_due(slowed(engine, look)) == len(keys)
    assert left[:3] == [("QUEUED", None, 2)] * 3
    assert [engine.snapshot(key).version for key in keys] == [1] * MOST_ALONE + [0] * 3
    refresh_all_due(engine.runtime)
    assert [engine.snapshot(key).version for key in keys] == [1] * len(keys)


def test_runs_that_take_longer_than_the_grace_time_are_given_back_and_done_once(engine: Engine) -> None:
    engine.license()
    held = HeldRuns(engine.database, LEASE)

    def stop() -> None:
        held.stopping.set()
        assert held.give_back_all() == 1
        assert refresh_due(engine.runtime) == 1  # another worker

    assert refresh_due(slowed(engine, stop), held) == 1
    assert engine.snapshot().version == 1
    assert [(run.status, run.claim, run.attempts) for run in runs_of(engine)] == [("QUEUED", None, 0)]


def test_a_lease_is_renewed_while_work_goes_on(engine: Engine) -> None:
    engine.license()
    held = HeldRuns(engine.database, timedelta(seconds=0.3))

    def wait_for_a_renewal() -> None:
        with engine.database.write() as session:
            session.exec(update(RefreshRun).values(due_at=NOW))
        while runs_of(engine)[0].due_at == NOW:
            sleep(0.02)
        assert refresh_due(engine.runtime) == 0  # nobody else claims it

    assert refresh_due(slowed(engine, wait_for_a_renewal), held) == 1
    assert engine.snapshot().version == 1
