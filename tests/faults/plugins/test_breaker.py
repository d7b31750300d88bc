"""A meter that hangs or ends its process pauses: in this process and in others, for all licenses, longer each time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from core.database import leases
from core.database.dialect import current_time
from core.database.engine import Database
from core.plugins.breaker import FIRST_PAUSE, LONGEST_PAUSE, end_pauses, load_pauses, pause_of, record_outcomes
from core.plugins.known import KnownPlugins, remember
from core.plugins.operators import pause_plugin, resume_plugin
from core.usage.tables import LateUsage
from tests.faults.plugins.conftest import Load
from tests.faults.plugins.partners import TIMEOUT, engine_with, own_meter
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.forms import examples

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
        engine_with(registry, database, timeout=TIMEOUT) as one,
        engine_with(registry, database, timeout=TIMEOUT) as other,
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


SKEWS = st.timedeltas(timedelta(minutes=-5), timedelta(minutes=5))


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@examples(30)
@given(SKEWS, SKEWS)
def test_pauses_begin_and_end_by_the_clock_of_the_database_whatever_the_clocks_of_workers(
    database: Database, one: timedelta, other: timedelta
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "current_time", current_time)  # other tests move their own clock
        with time_machine.travel(datetime.now(UTC) + one), database.write() as session:
            end_pauses(session, ["hangs"])
            before = now_of(session)
            record_outcomes(session, {"hangs": "METER_TIMED_OUT"}, [])
            after = now_of(session)
        with time_machine.travel(datetime.now(UTC) + other):
            with database.read() as session:
                until = load_pauses(session).until("hangs")
            assert until
            assert before + FIRST_PAUSE < until < after + FIRST_PAUSE
            with database.write() as session:
                record_outcomes(session, {"hangs": "METER_CRASHED"}, [])  # asked at the same time
            with database.read() as session:
                assert [(one.failures, one.until) for one in load_pauses(session).meters.values()] == [(1, until)]
            with database.write() as session:
                session.execute(sa.text("UPDATE meter_pause SET until = until - :pause"), {"pause": FIRST_PAUSE})
            with database.read() as session:
                assert load_pauses(session).until("hangs") is None


def now_of(session: Session) -> datetime:
    return datetime.fromisoformat(str(session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()))


LIBC = "import ctypes\nSTOP = getattr(ctypes.CDLL(None), 'raise')\n"
STOPS = "STOP(19)\nreturn Reading(used=1)"


def test_a_meter_that_stops_its_process_costs_a_deadline_and_leaves_no_process(load: Load, database: Database) -> None:
    registry = load(bad=LIBC + own_meter("stops", STOPS), good=HONEST)
    with engine_with(registry, database, timeout=TIMEOUT) as engine:
        engine.license("acme", terms={})
        engine.send(usage_event("job.done", quantity=3))
        engine.refresh()
        assert codes(engine, "acme") == {"stops": "METER_TIMED_OUT"}
        assert engine.reading("honest").used == 3
    assert stopped_children() == []


def stopped_children() -> list[str]:
    """Return the ids of child processes that stand still (Linux)."""
    children = [id for task in Path("/proc/self/task").iterdir() for id in (task / "children").read_text().split()]
    return [id for id in children if Path(f"/proc/{id}/stat").read_text().rpartition(")")[2].split()[0] == "T"]
