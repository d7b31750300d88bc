"""Upgrades of a plugin: the past of new and mended meters, and meters that are gone."""

from datetime import date, timedelta
from decimal import Decimal

from core.database.engine import Database
from core.refresh.choose_meters import HISTORY
from core.refresh.measure_again import measure_again
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter
from tests.fixtures.engine import NOW, Engine, usage_event

DONE = "(EventType('job.done', 'counter'),)"
TODAY = NOW.date()


def again(engine: Engine, since: date | None = None) -> date:
    with engine.database.write() as session:
        (first,) = measure_again(session, [engine.id("acme")], since, NOW).values()
    engine.refresh()
    return first


def used(engine: Engine, meter: str) -> list[Decimal | None]:
    return [amount for _, amount, _ in engine.history(meter)]


def test_the_past_of_a_new_meter_is_measured_since_the_first_usage(load: Load, database: Database) -> None:
    old = own_meter("old", "return Reading(used=usage.total('job.done', contract.period))", DONE)
    with engine_with(load(first=old), database) as engine:
        engine.license("acme", terms={})
        engine.backfill(*(usage_event("job.done", time=NOW - timedelta(days=day)) for day in range(4)))
        engine.refresh()
    new = own_meter("new", "return Reading(used=2 * usage.total('job.done', contract.period))", DONE)
    with engine_with(load(second=new), database) as engine:
        engine.refresh()
        assert used(engine, "new") == [8]
        assert again(engine) == TODAY - timedelta(days=3)
        assert used(engine, "new") == [2, 4, 6, 8]
        assert used(engine, "old") == [1, 2, 3, 4]


def test_the_past_of_a_mended_meter_is_measured_from_the_day_that_is_named(load: Load, database: Database) -> None:
    with engine_with(load(bad=own_meter("mended", "return Reading(used=666)", DONE)), database) as engine:
        engine.license("acme", terms={})
        engine.backfill(*(usage_event("job.done", time=NOW - timedelta(days=day)) for day in range(4)))
        engine.refresh()
        assert used(engine, "mended") == [666] * 4
    right = own_meter("mended", "return Reading(used=usage.total('job.done', contract.period))", DONE)
    with engine_with(load(bad=right), database) as engine:
        assert again(engine, TODAY - timedelta(days=1)) == TODAY - timedelta(days=1)
        assert used(engine, "mended") == [666, 666, 3, 4]


def test_history_is_measured_again_as_far_back_as_it_can_be(load: Load, database: Database) -> None:
    with engine_with(load(), database) as engine:
        engine.license("acme", terms={})
        assert again(engine, TODAY - timedelta(days=3)) == TODAY  # there is no usage
        engine.backfill(usage_event("forms.level", time=NOW - 2 * HISTORY, value=3))
        engine.refresh()
        with database.write() as session:
            assert measure_again(session, [engine.id()], date(2000, 1, 1), NOW) == {engine.id(): TODAY - HISTORY}
