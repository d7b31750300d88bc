"""Upgrades of a plugin: the past of new and mended meters, and meters that are gone."""

from datetime import date, timedelta
from decimal import Decimal

from sqlmodel import select

from core.administration.orphans import Orphan, find_orphans
from core.alerts.tables import Alert
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


ONE = 'METERS.append(Counter(key="one", event="one.done", limit="ones", **TEXTS))'
TWO = 'METERS.append(Counter(key="two", event="two.done", limit="twos", {more}**TEXTS))'


def test_a_meter_that_is_gone_leaves_its_terms_meters_and_types_as_orphans(load: Load, database: Database) -> None:
    with engine_with(load(bad=ONE + "\n" + TWO.format(more="")), database) as engine:
        engine.license("acme", terms={"ones": 5, "twos": 6}, at_risk={"one": "0.5"})
        engine.send(usage_event("one.done", quantity=4), usage_event("two.done"))
        engine.refresh()
        with database.read() as session:
            assert find_orphans(session, engine.runtime.registry) == []
    with engine_with(load(bad=TWO.format(more="")), database) as engine:
        with database.read() as session:
            assert find_orphans(session, engine.runtime.registry) == [
                Orphan("event type", "one.done", 1),
                Orphan("meter", "one", 1),
                Orphan("term", "ones", 1),
            ]
        # The contract can be put unchanged, and a refresh closes the alert under the name of its meter.
        assert engine.contract("acme", {"ones": 5, "twos": 6}, at_risk={"one": "0.5"}) == 1
        engine.refresh(now=NOW + timedelta(hours=1))
        with database.read() as session:
            [alert] = session.exec(select(Alert)).all()
        assert (alert.meter, alert.recovered_at) == ("one", NOW + timedelta(hours=1))


def test_what_contracts_state_of_a_meter_holds_for_the_meter_that_replaces_it(load: Load, database: Database) -> None:
    with engine_with(load(bad=ONE), database) as engine:
        engine.license("acme", terms={"ones": 10}, at_risk={"one": "0.5"}, alert_at={"one": ["0.3"]})
    new = TWO.format(more='replaces=("one",), deprecated="Use three.", ').replace("twos", "ones")
    registry = load(bad=new)
    assert (registry.meters["two"].replaces, registry.meters["two"].deprecated) == (("one",), "Use three.")
    with engine_with(registry, database) as engine:
        engine.send(usage_event("two.done", quantity=6))
        engine.refresh()
        reading = engine.reading("two")
        assert reading.status.value == "AT_RISK"
        assert [threshold.ratio for threshold in reading.thresholds] == [Decimal("0.3"), Decimal("0.5"), Decimal(1)]
        with database.read() as session:
            assert [one.kind for one in find_orphans(session, registry)] == []
        # A changed ratio of the old meter can be put as well.
        assert engine.contract("acme", {"ones": 10}, at_risk={"one": "0.9"}) == 2
