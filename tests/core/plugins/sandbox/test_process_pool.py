"""The life of the child processes in which meters are measured."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from allowance import Counter, Meter, Reading, SumCell, Usage

from core.measuring.measure import Failure, Measurer, MeterQuestion
from core.plugins.sandbox.process import ChildProcess, ProcessLost
from core.plugins.sandbox.protocol import ChildFailure, Measure
from tests.e2e.processes import eventually
from tests.faults.plugins.partners import PATIENCE

Ask = Callable[..., MeterQuestion]


def processes(partner: Path) -> set[int]:
    """The children, and what they started: all that lives with the partner's directory on its path, but us."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                alive = "\nState:\tZ" not in (process / "status").read_text()
                if alive and os.fsencode(partner) in (process / "environ").read_bytes():
                    found.add(int(process.name))
            except OSError:
                continue
    return found


def gone(partner: Path, before: set[int]) -> bool:
    """Wait until all new processes have ended."""
    return eventually(lambda: processes(partner) <= before)


def used(found: Reading | Failure) -> int:
    assert isinstance(found, Reading), found
    return int(found.used or 0)


def test_own_kinds_start_no_process(measurer: Measurer, partner: Path, ask: Ask) -> None:
    before, asked = processes(partner), ask("honest")
    counter = Counter(key="c", section="s", title="t", description="d", unit="u", event="chat.sent")

    [found] = measurer.measure([MeterQuestion(counter, asked.license, asked.contract, asked.usage)])

    assert isinstance(found, Reading)
    assert found.used == Decimal("7.10")
    assert processes(partner) == before


def test_a_process_serves_one_call_after_another(measurer: Measurer, ask: Ask) -> None:
    pids = {used(found) for _ in range(3) for found in measurer.measure([ask("own_process")] * 3)}

    assert len(pids) == 1
    assert pids != {os.getpid()}


def test_a_year_of_several_meters_sends_the_usage_once(measurer: Measurer, ask: Ask, usage: Usage) -> None:
    year = [usage.as_of(date(2026, 3, 2) - timedelta(days=back)) for back in range(365)]

    found = measurer.measure([ask(meter, usage=view) for view in year for meter in ("same_usage", "honest")])

    assert len({used(reading) for reading in found[0::2]}) == 1
    expected = [Decimal("7.10"), Decimal("3.10")] + [Decimal(0)] * 363
    assert found[1::2] == [Reading(used=amount) for amount in expected]


def test_results_are_in_the_order_of_the_questions_though_usages_alternate(measurer: Measurer, ask: Ask) -> None:
    usages = [
        Usage(datetime(2026, 5, 1, tzinfo=UTC), sums=[SumCell("chat.sent", day, day, Decimal(n))])
        for n in range(5)
        for day in [date(2026, 4, 1)]
    ]

    found = measurer.measure([ask("honest", usage=usages[n % 5]) for n in range(50)])

    assert found == [Reading(used=Decimal(n % 5)) for n in range(50)]


@pytest.mark.long
def test_threads_measure_at_once_and_each_gets_its_own_answers(measurer: Measurer, partner: Path, ask: Ask) -> None:
    before = processes(partner)

    def measure(number: int) -> list[Reading | Failure]:
        day = date(2026, 4, 1)
        usage = Usage(datetime(2026, 5, 1, tzinfo=UTC), sums=[SumCell("chat.sent", day, day, Decimal(number))])
        return measurer.measure([ask("honest", usage=usage), ask("raises", usage=usage)] * 20)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(measure, range(32)))

    assert [answer[0::2] for answer in answers] == [[Reading(used=Decimal(n))] * 20 for n in range(32)]
    assert {found.code for answer in answers for found in answer[1::2] if isinstance(found, Failure)} == {
        "METER_FAILED"
    }
    assert len(processes(partner) - before) <= 4


def test_a_process_that_was_killed_while_idle_is_replaced(measurer: Measurer, ask: Ask) -> None:
    [first] = measurer.measure([ask("own_process")])
    os.kill(used(first), signal.SIGKILL)

    second, reading = measurer.measure([ask("own_process"), ask("honest")])

    assert used(second) != used(first)
    assert reading == Reading(used=Decimal("7.10"))


@pytest.mark.long
def test_a_hanging_meter_costs_at_most_two_deadlines_though_several_used_processes_are_idle(
    measurer: Measurer, partner: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = processes(partner)
    at_once = threading.Barrier(4)

    def measure(_: int) -> None:
        at_once.wait(60)
        measurer.measure([ask("honest")] * 500)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(measure, range(4)))
    assert len(processes(partner) - before) == 2  # the most that stay idle

    timed_out: list[ProcessLost] = []
    measure_in = ChildProcess.measure

    def measure_and_note(process: ChildProcess, request: Measure) -> Reading | ChildFailure:
        try:
            return measure_in(process, request)
        except ProcessLost as lost:
            timed_out.append(lost)
            raise

    monkeypatch.setattr(ChildProcess, "measure", measure_and_note)
    [found] = measurer.measure([ask("loops_in_c")])

    assert isinstance(found, Failure)
    assert found.code == "METER_TIMED_OUT"
    assert [lost.code for lost in timed_out] == ["METER_TIMED_OUT"] * 2


@pytest.mark.long
def test_close_leaves_no_process_behind(measurer: Measurer, partner: Path, ask: Ask) -> None:
    before = processes(partner)
    meters = ("leaves_a_fork_behind", "leaves_a_grandchild", "hangs_with_a_fork", "hangs_with_a_grandchild", "honest")
    measurer.measure([ask(meter) for meter in meters])
    measurer.measure([ask("forks_and_lets_it_run_on"), ask("leaves_a_grandchild")])
    assert processes(partner) > before

    measurer.close()

    assert gone(partner, before)


def test_close_ends_running_measurements_and_prevents_new_ones(partner: Path, ask: Ask) -> None:
    before = processes(partner)
    measurer = Measurer(timeout=PATIENCE, memory=2**28)
    measurer.measure([ask("honest")])
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(measurer.measure, [ask("ignores_sigterm"), ask("honest")])
        time.sleep(0.3)
        measurer.close()
        found = under_way.result()

    # The deadline would have ended the first as timed out.
    assert [each.code for each in found if isinstance(each, Failure)] == ["METER_UNAVAILABLE"] * 2
    assert [each.code for each in measurer.measure([ask("honest")]) if isinstance(each, Failure)] == [
        "METER_UNAVAILABLE"
    ]
    assert gone(partner, before)


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_child_does_not_outlive_a_parent_that_was_killed(partner: Path, tmp_path: Path, state: str) -> None:
    before = processes(partner)
    script = tmp_path / "measures.py"
    script.write_text(
        "from datetime import UTC, date, datetime, timedelta\n"
        "from time import sleep\n"
        "from allowance import *\n"
        "from core.measuring.measure import *\n"
        "from core.plugins.host import load_plugins\n"
        "contract = Contract(1, Period(date(2026, 1, 1), date(2027, 1, 1)))\n"
        "usage = Usage(datetime(2026, 2, 1, tzinfo=UTC))\n"
        "measurer = Measurer(timeout=timedelta(seconds=5), memory=2**28)\n"
        "meters = load_plugins().meters\n"
        "asked = lambda key: MeterQuestion(meters[key], License('a', 'A'), contract, usage)\n"
        f"idle = {state == 'idle'}\n"
        "measurer.measure([asked('leaves_a_grandchild' if idle else 'honest')])\n"
        "print('measured', flush=True)\n"
        "sleep(60) if idle else measurer.measure([asked('loops_in_c')])\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"measured\n"
        eventually(lambda: len(processes(partner) - before) == (3 if state == "idle" else 2))
        parent.kill()

    # A child that computes ends by an alarm some seconds after its deadline.
    assert gone(partner, before)


def test_children_do_not_get_the_secrets_of_the_server(
    measurer: Measurer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWANCE_DATABASE_URL", "postgresql://somebody:hunter2@somewhere/allowance")

    assert measurer.measure([ask("sees_secrets")]) == [Reading(used=0)]


@pytest.mark.long
def test_a_usage_too_large_to_load_costs_the_readings_from_it_alone(partner: Path, ask: Ask) -> None:
    day = date(2026, 4, 1)
    sums = [SumCell("chat.sent", day, day, Decimal(1), f"entity-{n}") for n in range(40_000)]
    huge = Usage(datetime(2026, 5, 1, tzinfo=UTC), sums=sums)
    measurer = Measurer(timeout=PATIENCE, memory=8 * 2**20)
    try:
        found = measurer.measure([ask("honest"), *[ask("honest", usage=huge)] * 20, ask("honest")])
    finally:
        measurer.close()

    assert found[0] == found[-1] == Reading(used=Decimal("7.10"))
    assert {each.code for each in found[1:-1] if isinstance(each, Failure)} == {"METER_UNAVAILABLE"}


def test_own_kinds_are_measured_if_no_process_can_start(
    measurer: Measurer, ask: Ask, meters: Mapping[str, Meter], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask("honest")
    counter = Counter(key="c", section="s", title="t", description="d", unit="u", event="chat.sent")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    found = measurer.measure([asked, MeterQuestion(counter, asked.license, asked.contract, asked.usage), asked])

    assert isinstance(found[1], Reading)
    assert found[1].used == Decimal("7.10")
    assert [each.code for each in found if isinstance(each, Failure)] == ["METER_UNAVAILABLE"] * 2
