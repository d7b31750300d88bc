"""A failing meter affects its own reading, and nothing else."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from allowance import Counter, Reading, SumCell, Usage

from core.measuring.measure import Failure, Measurer, MeterQuestion
from core.plugins.sandbox.question import usage_read
from tests.forms import long

Ask = Callable[..., MeterQuestion]

HOW_THEY_END = {
    "raises": "METER_FAILED",
    "raises_what_cannot_be_told": "METER_FAILED",
    "exits": "METER_FAILED",
    "recurses": "METER_FAILED",
    "loops_in_c": "METER_TIMED_OUT",
    "backtracks": "METER_TIMED_OUT",
    "blocks_on_a_socket": "METER_TIMED_OUT",
    "swallows_exceptions": "METER_TIMED_OUT",
    "ignores_sigterm": "METER_TIMED_OUT",
    "hangs_with_a_grandchild": "METER_TIMED_OUT",
    "hangs_with_a_fork": "METER_TIMED_OUT",
    "leaves_at_once": "METER_CRASHED",
    "crashes": "METER_CRASHED",
    "leaves_a_fork_behind": "METER_CRASHED",
    "closes_all_files": "METER_CRASHED",
    "forges_an_answer": "METER_CRASHED",
    "floods_the_pipe": "METER_INVALID_READING",
    "eats_memory": "METER_OUT_OF_MEMORY",
    "foresees_nothing": "METER_FAILED",
    "foresees_floats": "METER_INVALID_READING",
    "foresees_for_ever": "METER_INVALID_READING",
    "gives_a_float": "METER_INVALID_READING",
    "gives_a_bool": "METER_INVALID_READING",
    "gives_a_text": "METER_INVALID_READING",
    "gives_nan": "METER_INVALID_READING",
    "gives_infinity": "METER_INVALID_READING",
    "gives_nothing": "METER_INVALID_READING",
    "gives_a_number": "METER_INVALID_READING",
    "gives_a_label_that_is_none": "METER_INVALID_READING",
    "gives_a_share_that_is_none": "METER_INVALID_READING",
    "gives_half_a_character": "METER_INVALID_READING",
    "gives_too_much": "METER_INVALID_READING",
    "gives_a_number_of_a_million_digits": "METER_INVALID_READING",
}
ALIKE = {
    "loops_in_c",
    "backtracks",
    "swallows_exceptions",
    "ignores_sigterm",
    "hangs_with_a_grandchild",
    "hangs_with_a_fork",
    "leaves_at_once",
    "leaves_a_fork_behind",
    "closes_all_files",
    "forges_an_answer",
    "gives_too_much",
}
"""Those that take long, and end as one of the others does."""
BAD_NEIGHBOURS = (
    "prints",
    "forks_and_lets_it_run_on",
    "leaves_a_grandchild",
    long("leaves_a_time_bomb"),
    "leaves_a_thread_that_hogs",
    long("leaks"),
)


@pytest.fixture
def own(ask: Ask) -> MeterQuestion:
    """A question to one of the SDK's own kinds."""
    asked = ask("honest")
    counter = Counter(
        key="chat", section="misbehaving", title="Chat", description="Messages.", unit="messages", event="chat.sent"
    )
    return MeterQuestion(counter, asked.license, asked.contract, asked.usage)


@pytest.mark.parametrize(
    ("meter", "code"), [long(*each) if each[0] in ALIKE else each for each in HOW_THEY_END.items()]
)
def test_a_failing_meter_gets_its_code_and_its_neighbours_their_exact_readings(
    request: pytest.FixtureRequest, ask: Ask, own: MeterQuestion, usage: Usage, meter: str, code: str
) -> None:
    measurer: Measurer = request.getfixturevalue("impatient" if code == "METER_TIMED_OUT" else "warm")
    yesterday = usage.as_of(date(2026, 3, 1))
    found = measurer.measure([ask("honest"), ask(meter), own, ask("honest", usage=yesterday), ask("honest")])

    assert [reading.used if isinstance(reading, Reading) else reading.code for reading in found] == [
        Decimal("7.10"),
        code,
        Decimal("7.10"),
        Decimal("3.10"),
        Decimal("7.10"),
    ]


@pytest.mark.parametrize("meter", BAD_NEIGHBOURS)
def test_a_meter_that_leaves_threads_or_forks_harms_no_later_reading(warm: Measurer, ask: Ask, meter: str) -> None:
    found = warm.measure([ask("honest"), ask(meter), *[ask("honest")] * 500, ask(meter), ask(meter), ask("honest")])
    time.sleep(0.1)
    found += warm.measure([ask("honest")])

    assert [reading.used if isinstance(reading, Reading) else reading for reading in found] == [Decimal("7.10")] * 506


def test_a_meter_that_changes_the_decimal_precision_affects_only_itself(warm: Measurer, ask: Ask) -> None:
    found = warm.measure([ask("spoils_the_precision"), ask("honest")])

    assert found == [Reading(used=Decimal(1)), Reading(used=Decimal("7.10"))]


def test_a_child_sees_what_a_meter_in_this_process_would_see(warm: Measurer, ask: Ask, usage: Usage) -> None:
    views = [usage, usage.as_of(date(2026, 3, 1)), usage.as_of(date(2026, 2, 1)), usage.as_of(date(2025, 12, 31))]
    questions = [ask("sees_all", usage=view) for view in views]
    own = next(meter for meter in import_module("misbehaving").METERS if meter.key == "sees_all")
    here = [own.measure(usage_read([one]), one.license, one.contract) for one in questions]

    found = warm.measure(questions)

    assert found == here
    assert [repr(reading) for reading in found] == [repr(reading) for reading in here]  # types and digits as well


@pytest.mark.long
def test_what_a_meter_knows_of_the_days_ahead_arrives_with_its_reading(warm: Measurer, ask: Ask) -> None:
    [reading, plain] = warm.measure([ask("foresees"), ask("honest")])
    assert isinstance(reading, Reading)
    assert isinstance(plain, Reading)
    assert (reading.used, reading.ahead) == (plain.used, (5, Decimal("2.5"), 0))
    assert plain.ahead == ()


def test_a_meter_that_timed_out_is_skipped_for_the_rest_of_the_batch(measurer: Measurer, ask: Ask) -> None:
    licenses = [f"license-{number}" for number in range(100)]
    begun = time.monotonic()

    found = measurer.measure(
        [ask(meter, license=name) for name in licenses for meter in ("honest", "ignores_sigterm", "loops_in_c")]
    )

    assert time.monotonic() - begun < 10
    assert {reading.used for reading in found[0::3] if isinstance(reading, Reading)} == {Decimal("7.10")}
    assert {reading.code for reading in found[1::3] + found[2::3] if isinstance(reading, Failure)} == {
        "METER_TIMED_OUT"
    }
    assert len([reading for reading in found if isinstance(reading, Reading)]) == 100


def test_a_meter_that_timed_out_is_measured_again_in_the_next_batch(measurer: Measurer, ask: Ask) -> None:
    for _ in range(2):
        begun = time.monotonic()
        [found] = measurer.measure([ask("ignores_sigterm")])
        assert found == Failure("METER_TIMED_OUT", "The meter took too long and was stopped.")
        assert time.monotonic() - begun >= 1


@pytest.mark.long
def test_a_meter_that_crashes_three_times_is_skipped_for_the_rest_of_the_batch(measurer: Measurer, ask: Ask) -> None:
    begun = time.monotonic()
    found = measurer.measure([ask("leaves_at_once"), ask("honest")] * 500)

    assert time.monotonic() - begun < 10
    assert [reading.code for reading in found[0::2] if isinstance(reading, Failure)] == ["METER_CRASHED"] * 500
    assert found[1::2] == [Reading(used=Decimal("7.10"))] * 500


def test_the_details_of_a_failure_are_only_in_the_log(
    warm: Measurer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        [found] = warm.measure([ask("raises")])

    assert found == Failure("METER_FAILED", "The meter failed. The operator finds the cause in the log.")
    [record] = caplog.records
    assert record.getMessage().startswith("METER_FAILED: meter raises, license acme, 2026-03-02: Traceback")
    assert record.getMessage().endswith("RuntimeError: the password is hunter2\n")


def test_an_own_kind_that_cannot_measure_fails_alone(measurer: Measurer, own: MeterQuestion, usage: Usage) -> None:
    across = SumCell("chat.sent", date(2025, 12, 31), date(2026, 1, 1), Decimal(1))
    bad = MeterQuestion(own.meter, own.license, own.contract, Usage(usage.at, sums=[across]))

    failure, reading = measurer.measure([bad, own])

    assert failure == Failure("METER_FAILED", "The meter failed. The operator finds the cause in the log.")
    assert isinstance(reading, Reading)
    assert reading.used == Decimal("7.10")


def test_a_meter_that_is_not_installed_is_unavailable(warm: Measurer, ask: Ask) -> None:
    asked = ask("honest")
    stranger = replace(asked.meter, key="stranger")

    found = warm.measure([MeterQuestion(stranger, asked.license, asked.contract, asked.usage), asked])

    assert found == [
        Failure("METER_UNAVAILABLE", "The meter could not be measured. The operator finds the cause in the log."),
        Reading(used=Decimal("7.10")),
    ]
