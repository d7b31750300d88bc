"""A meter that hangs or ends its process pauses: in this process and in others, for all licenses, longer each time."""

from datetime import timedelta

import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core.database.engine import Database
from core.plugins.breaker import FIRST_PAUSE, LONGEST_PAUSE, load_pauses, pause_of
from core.plugins.known import KnownPlugins, remember
from core.plugins.operators import pause_plugin, resume_plugin
from core.usage.tables import LateUsage
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import engine_with, own_meter
from tests.fixtures.engine import NOW, Engine, usage_event

COUNTED = "(EventType('job.done', 'counter'),)"
HONEST = own_meter("honest", "return Reading(used=usage.total('job.done', contract.period))", COUNTED)


def codes(engine: Engine, license: str) -> dict[str, str]:
    return {meter: reading.problem.code for meter, reading in engine.readings(license).items() if reading.problem}


def test_a_meter_that_hangs_costs_one_deadline_for_many_licenses_and_processes(
    load: Load, database: Database, clock: time_machine.Traveller
) -> None:
    registry = load(bad=own_meter("loops", "while True: pass"), good=HONEST)
    licenses = [f"license-{number}" for number in range(6)]
    with (
        engine_with(registry, database) as one,
        engine_with(registry, database) as other,
    ):
        for number, license in enumerate(licenses):
            one.license(license, terms={})
            one.backfill(usage_event("job.done", license, NOW - timedelta(days=40), quantity=number))
        for license in licenses:  # each with its history, as a worker does
            one.refresh(license)
        for license in licenses:
            other.refresh(license)
        found = [codes(one, license) for license in licenses]

        assert found == [{"loops": "METER_PAUSED"}] * 6
        assert [one.reading("honest", license).used for license in licenses] == list(range(6))
        with database.read() as session:
            pause = load_pauses(session).meters["loops"]
        assert (pause.failures, pause.code, pause.until - NOW) == (1, "METER_TIMED_OUT", FIRST_PAUSE)
        # It is due again when the pause ends.
        assert one.reading("loops", licenses[0]).due_at == pause.until


def test_a_meter_that_is_slow_each_time_is_stopped_after_twelve_deadlines_in_all(
    load: Load, database: Database
) -> None:
    registry = load(bad=own_meter("slow", "time.sleep(0.1)\nreturn Reading(used=1)"), good=HONEST)
    with engine_with(registry, database, timeout=timedelta(seconds=0.2)) as engine:
        engine.license("acme", terms={})
        with database.write() as session:
            session.merge(LateUsage(license_id=engine.id("acme"), since=(NOW - timedelta(days=60)).date()))
        engine.refresh("acme")
        assert codes(engine, "acme") == {"slow": "METER_TIMED_OUT"}
        with database.read() as session:
            assert load_pauses(session).meters.keys() == {"slow"}


def test_pauses_grow_and_end_with_a_success(load: Load, database: Database, clock: time_machine.Traveller) -> None:
    registry = load(bad=own_meter("moody", "if license.key == 'bad': os._exit(3)\nreturn Reading(used=4)"))
    with engine_with(registry, database) as engine:
        engine.license("bad", terms={})
        engine.license("good", terms={})
        pauses = []
        now = NOW
        for _ in range(3):
            clock.move_to(now)
            engine.refresh("bad", now=now)
            with database.read() as session:
                pauses.append(load_pauses(session).meters["moody"].until - now)
            engine.refresh("good", now=now)
            assert codes(engine, "good") == {"moody": "METER_PAUSED"}
            now += pauses[-1]
        assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]

        clock.move_to(now)
        engine.refresh("good", now=now)
        assert engine.reading("moody", "good").used == 4
        with database.read() as session:
            assert load_pauses(session).meters == {}


def test_a_meter_that_only_raises_for_a_license_does_not_pause(load: Load, database: Database) -> None:
    registry = load(bad=own_meter("picky", 'return Reading(used=contract.terms["jobs"])'))
    with engine_with(registry, database) as engine:
        engine.license("bad", terms={})
        engine.refresh("bad")
        with database.read() as session:
            assert load_pauses(session).meters == {}
        assert codes(engine, "bad") == {"picky": "METER_FAILED"}


def test_an_operator_pauses_and_resumes_a_plugin(load: Load, database: Database) -> None:
    registry = load(good=HONEST, other=own_meter("other", "return Reading(used=1)"))
    with database.write() as session:
        remember(session, registry, KnownPlugins(), NOW)
    with engine_with(registry, database) as engine:
        engine.license("acme", terms={})
        with database.write() as session:
            pause_plugin(session, "good", NOW)
        engine.send(usage_event("job.done", quantity=3))
        engine.refresh()
        assert codes(engine, "acme") == {"honest": "METER_PLUGIN_PAUSED"}

        with database.write() as session:
            resume_plugin(session, "good")
        engine.refresh()
        assert codes(engine, "acme") == {}
        assert engine.reading("honest").used == 3


@given(st.integers(1, 10_000))
def test_a_pause_is_never_shorter_than_the_one_before_and_has_a_bound(failures: int) -> None:
    assert FIRST_PAUSE <= pause_of(failures) <= pause_of(failures + 1) <= LONGEST_PAUSE
    assert pause_of(failures + 1) in (2 * pause_of(failures), LONGEST_PAUSE)
