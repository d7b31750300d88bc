"""The queue of record: a run is one worker's at a time, and is never lost."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlmodel import select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.queue.queue import MOST_ATTEMPTS, SCHEDULE, claim_runs, count_due, finish_runs, request_refresh, schedule_now
from core.queue.tables import RefreshRun, RefreshStatus
from tests.fixtures.engine import NOW, Engine, counted_statements

LEASE = timedelta(minutes=10)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
ROOT = Path(__file__).parents[3]


def ask(engine: Engine, key: str = "acme", sections: list[str] | None = None, now: datetime = NOW) -> str:
    license_id = engine.id(key)
    with engine.database.write() as session:
        return request_refresh(session, [license_id], sections, now)[0].id


def schedule(engine: Engine, now: datetime, key: str = "acme") -> None:
    license_id = engine.id(key)
    with engine.database.write() as session:
        schedule_now(session, license_id, now)


def taken(engine: Engine, now: datetime = NOW, most: int = 100) -> tuple[str, list[RefreshRun]]:
    with engine.database.write() as session:
        return claim_runs(session, now, most, LEASE)


def end(engine: Engine, claim: str, runs: list[RefreshRun], due: datetime, now: datetime, problem: str = "") -> None:
    with engine.database.write() as session:
        finish_runs(session, claim, runs, {run.license_id: due for run in runs}, now, problem or None)


def run_of(engine: Engine, run_id: str = SCHEDULE, key: str = "acme") -> RefreshRun:
    with engine.database.read() as session:
        return session.exec(
            select(RefreshRun).where(RefreshRun.license_id == engine.id(key), RefreshRun.id == run_id)
        ).one()


def due(engine: Engine, now: datetime) -> int:
    with engine.database.read() as session:
        return count_due(session, now)


def test_what_was_asked_for_is_done_once_and_over(engine: Engine) -> None:
    engine.license(now=NOW + DAY)  # its own schedule is not due yet
    run_id = ask(engine, sections=["web", "sms"])
    assert due(engine, NOW) == 1

    claim, [run] = taken(engine)
    assert (run.id, run.sections, run.only_due, run.status, run.attempts) == (
        run_id,
        ["sms", "web"],
        False,
        "RUNNING",
        1,
    )
    assert due(engine, NOW) == 0
    assert taken(engine) == ("", [])

    end(engine, claim, [run], NOW + DAY, NOW + HOUR)
    done = run_of(engine, run_id)
    assert (done.status, done.due_at, done.claim, done.problem) == (RefreshStatus.DONE, None, None, None)
    assert (done.requested_at, done.finished_at) == (NOW, NOW + HOUR)


def test_the_standing_run_is_never_over_but_due_again(engine: Engine) -> None:
    engine.license()
    claim, [run] = taken(engine)
    assert (run.id, run.only_due) == (SCHEDULE, False)  # of a new license everything is wanted
    end(engine, claim, [run], NOW + DAY, NOW)

    waiting = run_of(engine)
    assert (waiting.status, waiting.due_at, waiting.attempts, waiting.finished_at) == ("QUEUED", NOW + DAY, 0, NOW)
    assert (due(engine, NOW + DAY - INSTANT), due(engine, NOW + DAY)) == (0, 1)
    _, [again] = taken(engine, NOW + DAY)
    assert again.only_due


def test_runs_are_taken_in_the_order_in_which_they_are_due(engine: Engine) -> None:
    for number, key in enumerate(("c", "a", "b")):
        engine.license(key, now=NOW + number * HOUR)
    found = []
    for _ in range(4):
        _, runs = taken(engine, NOW + DAY, most=1)
        found += [run.license_id for run in runs]
    assert found == [engine.id("c"), engine.id("a"), engine.id("b")]


def test_an_equal_request_that_waits_is_returned_and_a_claimed_one_is_not(engine: Engine) -> None:
    engine.license(now=NOW + DAY)
    first = ask(engine, sections=["web", "sms"])
    assert ask(engine, sections=["sms", "web", "sms"]) == first
    others = {ask(engine), ask(engine, sections=["web"])}
    assert first not in others
    assert ask(engine) in others
    assert due(engine, NOW) == 3
    taken(engine)
    assert ask(engine, sections=["web", "sms"]) != first


def test_requests_for_many_licenses_keep_their_order_with_those_that_wait(engine: Engine) -> None:
    ids = [engine.license(key, now=NOW + DAY) for key in ("a", "b", "c")]
    waiting = ask(engine, key="b")
    with engine.database.write() as session:
        runs = request_refresh(session, ids, None, NOW)
    assert [run.license_id for run in runs] == ids
    assert [run.id == waiting for run in runs] == [False, True, False]


def test_runs_are_claimed_in_two_statements_however_many_they_are(engine: Engine) -> None:
    put_many(engine, 20)
    with engine.database.write() as session, counted_statements(engine.database) as sent:
        _, runs = claim_runs(session, NOW, 100, LEASE)
        assert {(run.status, run.attempts, run.due_at) for run in runs} == {("RUNNING", 1, NOW + LEASE)}
    assert len(runs) == 20
    assert len([statement for statement in sent if "refresh_run" in statement]) == 2


def test_many_threads_never_take_the_same_run(engine: Engine) -> None:
    put_many(engine, 60)
    start = Barrier(6)

    def work(_: int) -> list[tuple[int, str]]:
        start.wait()
        found: list[tuple[int, str]] = []
        while True:
            claim, runs = taken(engine, most=7)
            if not claim:
                return found
            found += [(run.license_id, run.id) for run in runs]

    with ThreadPoolExecutor(6) as threads:
        found = [key for keys in threads.map(work, range(6)) for key in keys]

    assert len(found) == 60
    assert set(Counter(found).values()) == {1}


WORKER = """
import sys
from datetime import datetime, timedelta
from core.database.engine import Database
from core.queue.queue import claim_runs
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while True:
    with database.write() as session:
        claim, runs = claim_runs(session, datetime.fromisoformat(sys.argv[2]), 5, timedelta(minutes=10))
    if not claim:
        break
    print(*(f"{run.license_id}/{run.id}" for run in runs))
"""


@pytest.mark.long
def test_many_processes_never_take_the_same_run(engine: Engine, database_url: str) -> None:
    put_many(engine, 60)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, database_url, NOW.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    found = Counter(key for worker in workers for key in worker.communicate("go\n", timeout=60)[0].split())
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(found) == 60
    assert set(found.values()) == {1}


def put_many(engine: Engine, count: int) -> None:
    with engine.database.write() as session:
        for number in range(count):
            put_license(session, LicenseInput(f"l{number}", "Many"), NOW)


def test_a_lost_worker_keeps_its_run_until_the_lease_ends(engine: Engine) -> None:
    engine.license()
    lost, [run] = taken(engine)
    assert taken(engine, NOW + LEASE - INSTANT) == ("", [])
    claim, [again] = taken(engine, NOW + LEASE)
    assert (again.id, again.attempts) == (run.id, 2)

    # Whoever was thought lost and comes back late ends nothing that is not its own any more.
    end(engine, lost, [run], NOW + DAY, NOW + LEASE)
    assert (run_of(engine).status, run_of(engine).claim) == ("RUNNING", claim)
    end(engine, claim, [again], NOW + 2 * DAY, NOW + LEASE)
    assert (run_of(engine).status, run_of(engine).due_at) == ("QUEUED", NOW + 2 * DAY)


GIVEN_UP = "Given up: its worker was lost 5 times."


def test_a_run_whose_workers_are_lost_again_and_again_is_given_up(engine: Engine) -> None:
    engine.license()
    run_id = ask(engine)
    now = NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        _, runs = taken(engine, now)
        assert [(run.id, run.attempts) for run in sorted(runs, key=lambda run: run.id != SCHEDULE)] == [
            (SCHEDULE, attempt),
            (run_id, attempt),
        ]
        now += LEASE
    claim, runs = taken(engine, now)
    assert claim
    assert runs == []

    asked, standing = run_of(engine, run_id), run_of(engine)
    assert (asked.status, asked.due_at, asked.problem, asked.finished_at) == ("FAILED", None, GIVEN_UP, now)
    # The schedule rests for a day, and tries again from the start.
    assert (standing.status, standing.due_at, standing.problem) == ("QUEUED", now + DAY, GIVEN_UP)
    assert (standing.attempts, standing.only_due) == (0, False)


def test_what_changes_while_a_run_is_under_way_has_it_taken_again(engine: Engine) -> None:
    engine.license()
    claim, runs = taken(engine)
    schedule(engine, NOW + HOUR)
    end(engine, claim, runs, NOW + DAY, NOW + HOUR)
    assert (run_of(engine).status, run_of(engine).due_at, run_of(engine).only_due) == ("QUEUED", NOW + HOUR, False)
    again, [run] = taken(engine, NOW + HOUR)
    end(engine, again, [run], NOW + DAY, NOW + HOUR)
    assert run_of(engine).due_at == NOW + DAY


def test_a_license_that_changes_during_each_of_its_runs_is_never_given_up(engine: Engine) -> None:
    engine.license()
    for number in range(3 * MOST_ATTEMPTS):
        now = NOW + number * HOUR
        claim, [run] = taken(engine, now)
        assert run.attempts == 1
        schedule(engine, now)
        end(engine, claim, [run], NOW + DAY, now)


def test_what_changes_brings_the_schedule_forward(engine: Engine) -> None:
    engine.license()
    claim, runs = taken(engine)
    end(engine, claim, runs, NOW + 90 * DAY, NOW)
    schedule(engine, NOW + DAY)
    assert (run_of(engine).due_at, run_of(engine).only_due) == (NOW + DAY, False)


@pytest.mark.parametrize("problem", ["", "It failed."])
def test_runs_of_several_licenses_end_together_each_with_its_own_due_time(engine: Engine, problem: str) -> None:
    ids = [engine.license(key) for key in ("a", "b", "c")]
    asked = ask(engine, "b")
    claim, runs = taken(engine)
    with engine.database.write() as session:
        finish_runs(session, claim, runs, {ids[0]: NOW + HOUR, ids[1]: NOW + 2 * HOUR}, NOW, problem or None)
    assert [run_of(engine, key=key).due_at for key in ("a", "b", "c")] == [NOW + HOUR, NOW + 2 * HOUR, NOW + DAY]
    assert run_of(engine, asked, "b").status == ("FAILED" if problem else "DONE")
    assert {run_of(engine, key=key).problem for key in ("a", "b", "c")} == {problem or None}
    # After a failure everything is wanted again, not only what is due by then.
    assert {run_of(engine, key=key).only_due for key in ("a", "b", "c")} == {not problem}
