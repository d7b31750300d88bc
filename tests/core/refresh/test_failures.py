"""Meters that fail: the last good reading stays, with the problem."""

from decimal import Decimal

from core.consumption.readings.judged_reading import Problem
from tests.core.refresh.common import DUE, HOUR, TODAY, UNKNOWN
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import GOOD, TOO_LARGE


def test_a_meter_that_fails_keeps_its_last_good_values_while_its_neighbours_refresh(flaky: Engine) -> None:
    flaky.license("acme", "UTC", GOOD)
    flaky.send(usage_event("flaky.happened", quantity=3), usage_event("forms.level", value=1))
    flaky.refresh()
    good = flaky.reading("flaky")
    assert (good.used, good.limit, good.problem) == (Decimal(3), Decimal(10_000), None)

    flaky.contract("acme", TOO_LARGE, effective_from=TODAY)
    flaky.send(usage_event("flaky.happened"), usage_event("forms.level", time=NOW + HOUR, value=2), now=NOW + HOUR)
    due = flaky.refresh(now=NOW + HOUR)

    message = "The meter returned an invalid reading. The operator finds the reason in the log."
    problem = Problem("METER_INVALID_READING", message, NOW + HOUR)
    assert flaky.reading("flaky") == good._replace(problem=problem, due_at=NOW + 2 * HOUR)
    assert (flaky.reading("forms").used, flaky.reading("forms").measured_at) == (Decimal(2), NOW + HOUR)
    assert flaky.snapshot().version == 4  # two contracts and two refreshes
    assert due == {flaky.id(): NOW + 2 * HOUR}

    # While it goes on failing, the problem is as old as its first time.
    flaky.refresh(now=NOW + 2 * HOUR)
    assert flaky.reading("flaky") == good._replace(problem=problem, due_at=NOW + 3 * HOUR)

    flaky.contract("acme", GOOD, effective_from=TODAY)
    flaky.refresh(now=NOW + 3 * HOUR, scope=DUE)
    mended = flaky.reading("flaky")
    assert (mended.used, mended.problem, mended.measured_at) == (Decimal(4), None, NOW + 3 * HOUR)
    assert flaky.points("flaky") == [NOW, NOW + 3 * HOUR]


def test_a_meter_that_fails_from_the_start_is_unknown_with_the_reason(flaky: Engine) -> None:
    flaky.license("acme", "UTC", TOO_LARGE)
    flaky.refresh()
    reading = flaky.reading("flaky")
    assert (reading.status, reading.used, reading.measured_at) == (UNKNOWN, None, None)
    assert reading.problem is not None
    assert reading.due_at == NOW + HOUR
    assert flaky.points("flaky") == []
