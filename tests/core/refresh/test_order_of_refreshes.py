"""Which of two refreshes is newer is decided by what the database knows, never by the clocks of workers."""

from datetime import timedelta

import pytest

from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from tests.fixtures.engine import NOW, Engine, usage_event

SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize("behind", [1, 30, 3600])
def test_a_worker_whose_clock_is_behind_shows_what_came_in_meanwhile(engine: Engine, behind: int) -> None:
    engine.license()
    engine.send(usage_event("interaction.sent", time=NOW - timedelta(hours=9), quantity=3))
    engine.refresh()
    engine.send(usage_event("interaction.sent", time=NOW - timedelta(hours=8), quantity=4))
    engine.refresh(now=NOW - behind * SECONDS)
    assert engine.reading("interactions").used == 7


def test_a_clock_that_steps_back_loses_no_reading_of_the_next_refreshes(engine: Engine) -> None:
    engine.license()
    engine.refresh(now=NOW + timedelta(minutes=5))
    for number in range(1, 4):
        engine.send(usage_event("interaction.sent", time=NOW - timedelta(hours=9), quantity=1))
        engine.refresh(now=NOW + number * SECONDS)
        assert engine.reading("interactions").used == number


def test_a_refresh_that_read_earlier_never_replaces_one_that_read_later(engine: Engine) -> None:
    """The slower of two workers has the faster clock."""
    engine.license()
    engine.send(usage_event("interaction.sent", time=NOW - timedelta(hours=9), quantity=3))
    runtime, wanted = engine.runtime, {engine.id(): RefreshScope()}
    with engine.database.read() as session:
        slow = plan_refresh(session, wanted, runtime.registry, NOW + 30 * SECONDS)
    answers = runtime.measurer.measure(slow.questions)
    engine.send(usage_event("interaction.sent", time=NOW - timedelta(hours=8), quantity=4))
    engine.refresh(now=NOW)
    with engine.database.write() as session:
        save_refresh(session, slow, answers, runtime.registry)
    assert engine.reading("interactions").used == 7


def test_a_level_that_dropped_is_shown_by_a_worker_whose_clock_is_behind(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    engine.send(usage_event("forms.level", time=NOW - timedelta(hours=2), value=6))
    engine.refresh()
    engine.send(usage_event("forms.level", time=NOW - timedelta(hours=1), value=4))
    engine.refresh(now=NOW - 30 * SECONDS)
    reading = engine.reading("forms")
    assert (reading.used, reading.status.value) == (4, "OK")
