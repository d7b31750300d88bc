"""Of two levels of the same instant the one accepted last wins, and a recount says the same."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.usage.recount import recount
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

MINUTE = timedelta(minutes=1)


def report(engine: Engine, id: str, value: int, time: datetime = NOW, *, now: datetime = NOW, **rest: str) -> None:
    assert engine.send(usage_event("forms.level", time=time, id=id, value=value, **rest), now=now).accepted == 1


def level(engine: Engine, now: datetime = NOW) -> object:
    engine.refresh(now=now)
    with engine.database.read() as session:
        assert list(recount(session, engine.id(), engine.runtime.registry.event_types)) == []
    return engine.reading("forms").used


@pytest.mark.parametrize(("first", "second"), [("a9", "a10"), ("a10", "a9"), ("b", "a"), ("é", "e")])
def test_the_later_of_two_reports_of_an_instant_wins_whatever_its_id(engine: Engine, first: str, second: str) -> None:
    engine.license()
    report(engine, first, 1)
    report(engine, second, 2)
    assert level(engine) == 2


def test_the_later_of_two_sources_wins_whatever_its_name(engine: Engine) -> None:
    engine.license()
    first, second = usage_event("forms.level", value=1), usage_event("forms.level", value=2)
    engine.send({**first, "source": "/z"})
    engine.send({**second, "source": "/a"})
    assert level(engine) == 2


def test_within_a_batch_the_last_wins(engine: Engine) -> None:
    engine.license()
    batch = [usage_event("forms.level", id=f"a{number}", value=number) for number in (9, 10, 11, 2)]
    assert engine.send(*batch).accepted == 4
    assert level(engine) == 2


def test_a_retry_of_the_earlier_report_changes_nothing(engine: Engine) -> None:
    engine.license()
    report(engine, "a10", 1)
    report(engine, "a9", 2)
    assert engine.send(usage_event("forms.level", id="a10", value=1)).duplicates == 1
    assert level(engine) == 2


def test_a_report_from_a_clock_ahead_stands_until_one_arrives_after_its_time_has_come(engine: Engine) -> None:
    engine.license()
    report(engine, "ahead", 99, NOW + 4 * MINUTE)
    report(engine, "right", 5, NOW + MINUTE, now=NOW + MINUTE)
    assert level(engine, NOW + MINUTE) == 99
    report(engine, "later", 6, NOW + 3 * MINUTE, now=NOW + 5 * MINUTE)
    assert level(engine, NOW + 5 * MINUTE) == 6


def test_a_late_report_does_not_replace_one_of_a_right_clock(engine: Engine) -> None:
    engine.license()
    report(engine, "new", 7, NOW)
    report(engine, "late", 3, NOW - 30 * MINUTE, now=NOW + 10 * MINUTE)
    assert level(engine, NOW + 10 * MINUTE) == 7


def test_a_clock_ahead_over_midnight_stands_no_longer(engine: Engine) -> None:
    """The report is of the next day by its time, and the right ones of this day."""
    late = NOW.replace(hour=23, minute=58)
    engine.license()
    report(engine, "ahead", 99, late + 4 * MINUTE, now=late)
    report(engine, "right", 5, late + MINUTE + MINUTE / 2, now=late + 5 * MINUTE)
    assert level(engine, late + 6 * MINUTE) == 5


@examples(40)
@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 9), st.sampled_from(["a", "b", "a9", "a10"])),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_newest_time_wins_and_of_equal_ones_the_last_accepted(
    engine: Engine, batches: list[list[tuple[int, int, str]]]
) -> None:
    """Of reports by right clocks, in batches, with few different times and ids in no order."""
    key = new_key()
    engine.license(key)
    accepted: list[tuple[int, int]] = []
    for number, batch in enumerate(batches):
        events = [
            usage_event("forms.level", key, NOW - age * MINUTE, id=f"{id}-{number}-{place}", value=value)
            for place, (age, value, id) in enumerate(batch)
        ]
        assert engine.send(*events).accepted == len(events)
        accepted += [(age, value) for age, value, _ in batch]
    engine.refresh(key)
    newest = min((age for age, _ in accepted), default=None)
    expected = [value for age, value in accepted if age == newest]
    assert engine.reading("forms", key).used == (expected[-1] if expected else None)
    with engine.database.read() as session:
        assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []


@examples(40)
@given(
    reports=st.lists(
        st.tuples(st.integers(1, 4), st.integers(-12, 5), st.integers(0, 9), st.booleans()), min_size=1, max_size=12
    )
)
def test_a_recount_agrees_whatever_clocks_were_ahead_around_midnight(
    engine: Engine, reports: list[tuple[int, int, int, bool]]
) -> None:
    """Each report arrives minutes after the one before, by a clock that is minutes behind or ahead."""
    key = new_key()
    engine.license(key)
    now = NOW.replace(hour=23, minute=50)
    waiting: list[dict[str, object]] = []
    for number, (minutes, ahead, value, together) in enumerate(reports):
        now += minutes * MINUTE
        waiting.append(usage_event("forms.level", key, now + ahead * MINUTE, id=f"{number}", value=value))
        if not together:
            assert engine.send(*waiting, now=now).accepted == len(waiting)
            waiting.clear()
    with engine.database.read() as session:
        assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []
