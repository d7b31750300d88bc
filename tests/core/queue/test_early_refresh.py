"""New usage brings the refresh of its license forward, and nothing of it is missed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from core.queue.early_refresh import AT_ONCE, EarlyRefresh, bring_forward
from core.queue.queue import MOST_ATTEMPTS, SCHEDULE, claim_runs, finish_runs
from core.queue.tables import RefreshRun
from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from core.runtime import open_runtime
from core.settings import Settings
from core.workers.refresh_due import refresh_all_due
from core.workers.worker import Worker
from tests.core.workers.test_worker import soon
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event

SECONDS = timedelta(seconds=10)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEASE = timedelta(minutes=10)


def followed(engine: Engine, *keys: str, due_at: datetime = NOW + SECONDS) -> set[str]:
    with engine.database.write() as session:
        return bring_forward(session, keys or ("acme",), due_at)


def standing(engine: Engine, key: str = "acme") -> RefreshRun:
    license_id = engine.id(key)
    with engine.database.read() as session:
        run = session.get(RefreshRun, (license_id, SCHEDULE))
        assert run
        return run


def waiting(engine: Engine, *keys: str) -> None:
    """Licenses that were refreshed at NOW and are due in a day."""
    for key in keys or ("acme",):
        engine.license(key)
    with time_machine.travel(NOW, tick=False):
        refresh_all_due(engine.runtime)


def test_a_license_that_waits_for_its_schedule_is_due_soon_and_as_a_whole(engine: Engine) -> None:
    waiting(engine, "acme", "globex")
    assert followed(engine) == set()
    assert (standing(engine).due_at, standing(engine).only_due) == (NOW + SECONDS, False)
    assert (standing(engine, "globex").due_at, standing(engine, "globex").only_due) == (NOW + DAY, True)


def test_what_follows_within_the_seconds_puts_nothing_off(engine: Engine) -> None:
    waiting(engine)
    followed(engine)
    followed(engine, due_at=NOW + 2 * SECONDS)
    assert standing(engine).due_at == NOW + SECONDS


def test_a_schedule_that_is_due_sooner_is_kept_but_measures_everything(engine: Engine) -> None:
    waiting(engine)
    followed(engine, due_at=NOW + DAY + SECONDS)
    assert standing(engine).only_due is False
    assert standing(engine).due_at == NOW + DAY


def test_what_is_committed_after_a_worker_has_read_is_refreshed_again(engine: Engine) -> None:
    waiting(engine)
    registry = engine.runtime.registry
    with engine.database.write() as session:
        claim, runs = claim_runs(session, NOW + DAY, 10, LEASE)
    with engine.database.read() as session:
        plan = plan_refresh(session, {engine.id(): RefreshScope()}, registry, NOW + DAY)
    engine.send(usage_event("forms.level", time=NOW + DAY, value=7), now=NOW + DAY)
    followed(engine, due_at=NOW + DAY + SECONDS)
    answers = engine.runtime.measurer.measure(plan.questions)
    with engine.database.write() as session:
        due = save_refresh(session, plan, answers, registry)
        finish_runs(session, claim, runs, due, NOW + DAY)

    run = standing(engine)
    assert (run.status, run.due_at, run.attempts) == ("QUEUED", NOW + DAY + SECONDS, 0)
    with time_machine.travel(NOW + DAY + SECONDS, tick=False):
        refresh_all_due(engine.runtime)
    assert engine.reading("forms").used == Decimal(7)


def test_usage_that_never_pauses_does_not_make_a_license_look_lost(engine: Engine) -> None:
    waiting(engine)
    now = NOW + DAY
    for _ in range(MOST_ATTEMPTS + 2):
        with engine.database.write() as session:
            claim, runs = claim_runs(session, now, 10, LEASE)
        assert [run.problem for run in runs] == [None]
        followed(engine, due_at=now + SECONDS)
        with engine.database.write() as session:
            finish_runs(session, claim, runs, {engine.id(): now + DAY}, now)
        now += SECONDS


def test_a_license_that_failed_waits_for_its_next_attempt(engine: Engine) -> None:
    waiting(engine)
    with engine.database.write() as session:
        claim, runs = claim_runs(session, NOW + DAY, 10, LEASE)
        finish_runs(session, claim, runs, {engine.id(): NOW + DAY + HOUR}, NOW + DAY, "It failed.")
    followed(engine, due_at=NOW + DAY + SECONDS)
    assert standing(engine).due_at == NOW + DAY + HOUR


def test_an_unknown_license_is_forgotten(engine: Engine) -> None:
    assert followed(engine, "nobody") == set()


def test_it_takes_as_many_statements_for_one_license_as_for_many(engine: Engine) -> None:
    keys = [f"l{number}" for number in range(30)]
    waiting(engine, *keys)
    counts = []
    for some in (keys[:1], keys[1:]):
        with counted_statements(engine.database) as sent:
            followed(engine, *some)
        counts.append(len(sent))
    assert counts == [3, 3]


@contextmanager
def eager(database_url: str) -> Iterator[Engine]:
    settings = Settings(database_url=database_url, refresh_after_seconds=0.1, sweep_seconds=0.05)
    with open_runtime(settings) as runtime, Worker(runtime):
        yield Engine(runtime)


def test_usage_is_shown_within_seconds(database_url: str, database: object) -> None:
    with eager(database_url) as engine:
        engine.license()
        assert soon(lambda: engine.snapshot().version == 1)
        for value in (5, 6):
            engine.send(usage_event("forms.level", time=None, value=value), now=datetime.now(NOW.tzinfo))
            assert soon(lambda value=value: engine.reading("forms").used == value)


@pytest.mark.long
def test_a_server_requests_so_many_early_refreshes_at_once_and_the_others_later(engine: Engine) -> None:
    keys = [f"l{number}" for number in range(2 * AT_ONCE + 1)]
    waiting(engine, *keys)
    with counted_statements(engine.database) as sent, time_machine.travel(NOW + DAY / 2, tick=True):
        early = EarlyRefresh(engine.database, SECONDS)
        early.note(keys)
        early.close()
    assert len([statement for statement in sent if statement.startswith("UPDATE")]) == 3
    assert {standing(engine, key).only_due for key in keys} == {False}
