"""The one job: take what is due, refresh it, say when it is due again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
import time_machine
from allowance import Reading
from sqlmodel import col, select, update

from core.consumption.tables import Snapshot
from core.measuring.measure import Failure, Measurer, MeterQuestion
from core.queue.queue import SCHEDULE, request_refresh
from core.queue.tables import RefreshRun
from core.runtime import Runtime
from core.usage.tables import LateUsage
from core.workers.refresh_due import refresh_all_due, refresh_due
from tests.fixtures.engine import NOW, Engine, usage_event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAILED = "The refresh failed. The operator finds the cause in the log."

pytestmark = pytest.mark.usefixtures("clock")


def ask(engine: Engine, key: str, sections: Sequence[str] | None = None, now: datetime = NOW) -> str:
    license_id = engine.id(key)
    with engine.database.write() as session:
        return request_refresh(session, [license_id], sections, now)[0].id


def run_of(engine: Engine, key: str = "acme", run_id: str = SCHEDULE) -> RefreshRun:
    with engine.database.read() as session:
        return session.exec(
            select(RefreshRun).where(RefreshRun.license_id == engine.id(key), RefreshRun.id == run_id)
        ).one()


def spoil(engine: Engine, key: str) -> None:
    """Leave something in the snapshot of a license that no refresh can read."""
    with engine.database.write() as session:
        nonsense = {"forms": {"status": "OK", "measured_at": "NONSENSE"}}
        session.exec(update(Snapshot).where(col(Snapshot.license_key) == key).values(readings=nonsense))


def test_a_new_license_is_refreshed_and_due_again_in_a_day(engine: Engine) -> None:
    engine.license()
    assert refresh_due(engine.runtime) == 1
    assert refresh_due(engine.runtime) == 0
    assert engine.snapshot().version == 1
    assert (run_of(engine).status, run_of(engine).due_at) == ("QUEUED", NOW + DAY)


def test_the_schedule_refreshes_what_is_due_when_it_is_due(engine: Engine, clock: time_machine.Traveller) -> None:
    engine.license()
    refresh_all_due(engine.runtime)
    engine.send(usage_event("forms.level", value=3))
    clock.move_to(NOW + DAY - timedelta(seconds=1))
    assert refresh_due(engine.runtime) == 0
    clock.move_to(NOW + DAY)
    assert refresh_due(engine.runtime) == 1
    assert engine.reading("forms").used == Decimal(3)
    assert engine.reading("forms").measured_at == NOW + DAY


def test_what_is_asked_for_is_refreshed_at_once_and_the_rest_is_left(
    engine: Engine, clock: time_machine.Traveller
) -> None:
    engine.license()
    refresh_all_due(engine.runtime)
    clock.move_to(NOW + HOUR)
    asked = ask(engine, "acme", ["web"], NOW + HOUR)
    refresh_all_due(engine.runtime)
    assert (run_of(engine, run_id=asked).status, run_of(engine, run_id=asked).finished_at) == ("DONE", NOW + HOUR)
    assert engine.reading("forms").measured_at == NOW + HOUR
    assert engine.reading("users").measured_at == NOW
    assert run_of(engine).due_at == NOW + DAY


def test_several_wishes_for_one_license_are_one_refresh(engine: Engine) -> None:
    engine.license()
    refresh_all_due(engine.runtime)
    asked = [ask(engine, "acme", sections) for sections in (["web"], ["sms"], None)]
    assert refresh_due(engine.runtime) == 3
    assert engine.snapshot().version == 2
    assert {run_of(engine, run_id=run_id).status for run_id in asked} == {"DONE"}


@pytest.mark.parametrize("effective_from", [date(2026, 3, 14), date(2026, 3, 15)])
def test_what_is_put_is_shown_by_the_next_job_whatever_is_due(
    engine: Engine, clock: time_machine.Traveller, effective_from: date
) -> None:
    engine.license("acme", "UTC", {"forms": 10})
    refresh_all_due(engine.runtime)
    later = NOW + HOUR
    clock.move_to(later)
    engine.contract("acme", {"forms": 20}, effective_from=effective_from, now=later)
    engine.grant("acme", "g", 5, now=later)
    refresh_all_due(engine.runtime)
    assert (engine.reading("forms").limit, engine.reading("sms_credits").limit) == (Decimal(20), Decimal(5))

    clock.move_to(later + HOUR)
    engine.license("acme", "Asia/Kolkata", now=later + HOUR)
    refresh_all_due(engine.runtime)
    period = engine.reading("interactions").period
    assert period is not None
    assert period.time_zone == "Asia/Kolkata"


def test_what_is_put_for_later_is_shown_when_it_holds(engine: Engine, clock: time_machine.Traveller) -> None:
    engine.license("acme", "UTC", {"forms": 10})
    refresh_all_due(engine.runtime)
    clock.move_to(NOW + HOUR)
    engine.contract("acme", {"forms": 20}, effective_from=date(2026, 3, 16), now=NOW + HOUR)
    engine.grant("acme", "g", 5, granted_at=NOW + 3 * HOUR, now=NOW + HOUR)
    refresh_all_due(engine.runtime)
    assert (engine.reading("forms").limit, engine.reading("sms_credits").limit) == (Decimal(10), None)

    assert run_of(engine).due_at == NOW + 3 * HOUR
    clock.move_to(NOW + 3 * HOUR)
    refresh_all_due(engine.runtime)
    assert engine.reading("sms_credits").limit == Decimal(5)

    assert run_of(engine).due_at == NOW + 12 * HOUR
    clock.move_to(NOW + 12 * HOUR)
    refresh_all_due(engine.runtime)
    assert engine.reading("forms").limit == Decimal(20)


def test_a_license_that_fails_costs_its_batch_nothing(engine: Engine) -> None:
    for key in ("a", "b", "c"):
        engine.license(key)
    spoil(engine, "b")
    asked = {key: ask(engine, key) for key in ("b", "c")}

    assert refresh_due(engine.runtime) == 5

    assert [engine.snapshot(key).version for key in ("a", "b", "c")] == [1, 0, 1]
    assert [run_of(engine, key).due_at for key in ("a", "b", "c")] == [NOW + DAY, NOW + HOUR, NOW + DAY]
    assert [run_of(engine, key).problem for key in ("a", "b", "c")] == [None, FAILED, None]
    assert {key: run_of(engine, key, run_id).status for key, run_id in asked.items()} == {"b": "FAILED", "c": "DONE"}
    assert run_of(engine, "b", asked["b"]).problem == FAILED


def test_a_license_that_failed_is_tried_again_and_forgiven(engine: Engine, clock: time_machine.Traveller) -> None:
    engine.license()
    spoil(engine, "acme")
    refresh_all_due(engine.runtime)
    with engine.database.write() as session:
        session.exec(update(Snapshot).values(readings={}))
    clock.move_to(NOW + HOUR)
    refresh_all_due(engine.runtime)
    assert engine.snapshot().version == 1
    assert (run_of(engine).problem, run_of(engine).due_at) == (None, NOW + HOUR + DAY)


def test_licenses_with_much_to_make_up_for_are_done_along_with_the_others(engine: Engine) -> None:
    for key in ("a", "b", "c"):
        engine.license(key)
    engine.backfill(*(usage_event("forms.level", key, NOW - 40 * DAY, value=1) for key in ("b", "c")))
    assert refresh_due(engine.runtime) == 3
    assert [len(engine.history("forms", key)) for key in ("a", "b", "c")] == [1, 41, 41]
    with engine.database.read() as session:
        assert session.exec(select(LateUsage)).all() == []


class Slow(Measurer):
    """A measurer that lets something happen, once, while the meters are asked."""

    def __init__(self, measurer: Measurer, meanwhile: Callable[[], object]) -> None:
        self._measurer, self._meanwhile = measurer, [meanwhile]

    def measure(self, questions: Sequence[MeterQuestion]) -> list[Reading | Failure]:
        answers = self._measurer.measure(questions)
        while self._meanwhile:
            self._meanwhile.pop()()
        return answers


def slowed(engine: Engine, meanwhile: Callable[[], object]) -> Runtime:
    return replace(engine.runtime, measurer=Slow(engine.runtime.measurer, meanwhile))


def test_what_changes_while_it_is_refreshed_is_refreshed_again(engine: Engine) -> None:
    engine.license("acme", "UTC", {"forms": 10})

    def change() -> None:
        engine.contract("acme", {"forms": 20}, effective_from=NOW.date(), now=NOW)

    runtime = slowed(engine, change)
    assert refresh_due(runtime) == 1
    assert engine.reading("forms").limit == Decimal(10)
    assert refresh_due(runtime) == 1
    assert engine.reading("forms").limit == Decimal(20)
    assert refresh_due(runtime) == 0


def test_a_request_that_another_refresh_overtook_is_refreshed_again_before_it_is_done(engine: Engine) -> None:
    engine.license()
    refresh_all_due(engine.runtime)
    asked = ask(engine, "acme")

    def overtake() -> None:
        engine.send(usage_event("forms.level", time=NOW - HOUR, value=1))
        engine.refresh(now=NOW - HOUR)
        engine.send(usage_event("forms.level", value=2))

    assert refresh_due(slowed(engine, overtake)) == 1
    overtaken = run_of(engine, run_id=asked)
    assert (overtaken.status, overtaken.claim, overtaken.due_at) == ("QUEUED", None, NOW)
    refresh_all_due(engine.runtime)
    assert run_of(engine, run_id=asked).status == "DONE"
    assert engine.reading("forms").used == Decimal(2)


def test_a_worker_that_was_too_slow_for_its_lease_does_no_harm(engine: Engine, clock: time_machine.Traveller) -> None:
    engine.license()
    engine.send(usage_event("forms.level", value=1))

    def another() -> None:
        clock.move_to(NOW + HOUR)
        engine.send(usage_event("forms.level", time=NOW + HOUR, value=2), now=NOW + HOUR)
        assert refresh_due(engine.runtime) == 1

    assert refresh_due(slowed(engine, another)) == 1
    assert (engine.reading("forms").used, engine.snapshot().version) == (Decimal(2), 1)
    assert run_of(engine).due_at == NOW + HOUR + DAY


def test_workers_at_once_refresh_each_license_once(engine: Engine) -> None:
    keys = [f"l{number}" for number in range(12)]
    for key in keys:
        engine.license(key)
    small = replace(engine.runtime, settings=engine.runtime.settings.model_copy(update={"refresh_batch": 2}))
    start = Barrier(4)

    def work() -> None:
        start.wait()
        refresh_all_due(small)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [engine.snapshot(key).version for key in keys] == [1] * 12
    assert {run_of(engine, key).due_at for key in keys} == {NOW + DAY}
