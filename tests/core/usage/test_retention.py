"""The ledger by age: what is dropped can neither be sent again nor change what was counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from core.errors import BadSetting
from core.settings import Settings
from core.usage import retention as module
from core.usage.recount import complete_from, recount
from core.usage.retention import (
    SegmentRetention,
    complete_since,
    require_dedup_window,
    rotate_segments,
    segment_retention,
)
from core.usage.tables import LedgerEvent, LedgerSegment, UsageSum
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.forms import examples

DAY = timedelta(days=1)
RULE = segment_retention(Settings())


def age(engine: Engine, *, days: int, since: datetime = NOW, rule: SegmentRetention = RULE) -> datetime:
    """Let days go by, each with its upkeep; the time then."""
    for number in range(1, days + 1):
        rotate_segments(engine.database, rule, since + number * DAY)
    return since + days * DAY


@pytest.fixture
def begun(engine: Engine) -> Engine:
    """A ledger whose first segment was opened now."""
    with engine.database.write() as session:
        session.execute(sa.update(LedgerSegment).values(opened_at=NOW))
    engine.license()
    return engine


def segments(engine: Engine) -> list[int]:
    with engine.database.read() as session:
        return list(session.exec(select(LedgerSegment.number).order_by(col(LedgerSegment.number))))


def held(engine: Engine) -> list[str]:
    with engine.database.read() as session:
        return sorted(session.exec(select(LedgerEvent.id)))


def total(engine: Engine) -> int:
    with engine.database.read() as session:
        return int(session.exec(select(sa.func.sum(col(UsageSum.whole)))).one() or 0)


def differences(engine: Engine) -> list[object]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(), engine.runtime.registry.event_types))


def test_by_default_an_event_is_kept_for_65_days_after_its_segment_closed() -> None:
    assert SegmentRetention(timedelta(days=32, hours=12, seconds=150), timedelta(days=65, seconds=300)) == RULE
    short = Settings(dedup_window_days=1, ledger_days=0, future_tolerance_seconds=0)
    assert segment_retention(short) == SegmentRetention(open_for=DAY, keep_for=DAY)


def test_segments_are_opened_and_dropped_by_age_and_nothing_counted_changes(begun: Engine) -> None:
    counted = 0
    most = 0
    for number in range(400):
        now = NOW + number * DAY
        rotate_segments(begun.database, RULE, now)
        if number % 5 == 0:
            counted += 1
            assert begun.send(usage_event("sms.sent", time=now, id=f"e{number:03}"), now=now).accepted == 1
        most = max(most, len(segments(begun)))
    assert total(begun) == counted == 80
    assert segments(begun) == [11, 12, 13]
    assert most == 3
    assert held(begun) == [f"e{number:03}" for number in range(330, 400, 5)]
    assert differences(begun) == []


def test_a_retry_finds_its_event_in_whichever_segment_that_is(begun: Engine) -> None:
    for number in range(0, 60, 10):
        now = age(begun, days=10, since=NOW + (number - 10) * DAY)
        begun.send(usage_event("sms.sent", id=f"{number}", time=now, quantity=2), now=now)
    now = NOW + 50 * DAY
    assert segments(begun) == [1, 2]
    again = [
        usage_event("sms.sent", id=f"{number}", time=NOW + number * DAY, quantity=2) for number in range(0, 60, 10)
    ]
    recorded = begun.send(*again, now=now)
    assert (recorded.accepted, recorded.duplicates) == (0, 4)
    assert [(one.index, one.code) for one in recorded.rejected] == [(0, "TOO_OLD"), (1, "TOO_OLD")]
    changed = [{**raw, "quantity": 3} for raw in again[2:]]
    assert [one.code for one in begun.send(*changed, now=now).rejected] == ["ID_CONFLICT"] * 4
    # The same id at another time is another event's content, whatever segment that time would have been in.
    assert begun.send({**again[2], "time": now}, now=now).rejected[0].code == "ID_CONFLICT"
    assert begun.send({**again[2], "time": None}, now=now).duplicates == 1
    assert total(begun) == 12
    assert differences(begun) == []


@examples(15)
@given(
    arrivals=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 90), st.integers(-40, 0)), max_size=30),
    kept=st.integers(0, 10),
)
def test_whenever_an_event_is_sent_again_it_counts_once(
    engine: Engine, arrivals: list[tuple[int, int, int]], kept: int
) -> None:
    """Ids at random arrive on random days with random times, the same id always with the same time of its own."""
    reset(engine)
    rules = Settings(dedup_window_days=35, ledger_days=kept)
    times: dict[int, datetime] = {}
    for identifier, day, back in arrivals:
        times.setdefault(identifier, NOW + (day + back) * DAY)
    counted: set[int] = set()
    for identifier, day, _ in sorted(arrivals, key=lambda one: one[1]):
        now = NOW + day * DAY
        rotate_segments(engine.database, segment_retention(rules), now)
        recorded = engine.send(usage_event("sms.sent", id=f"{identifier}", time=times[identifier]), now=now)
        too_old = not now - 35 * DAY <= times[identifier] <= now + timedelta(minutes=5)
        assert (recorded.accepted, recorded.duplicates) == (
            int(not too_old and identifier not in counted),
            int(not too_old and identifier in counted),
        )
        if not too_old:
            counted.add(identifier)
    assert total(engine) == len(counted)
    assert differences(engine) == []


def reset(engine: Engine) -> None:
    with engine.database.write() as session:
        for table in ("usage_event", "usage_sum"):
            session.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608
    with engine.database.write() as session:
        newest = max(session.exec(select(LedgerSegment.number)))
        session.execute(sa.update(LedgerSegment).where(col(LedgerSegment.number) == newest).values(opened_at=NOW))
    engine.license()


def test_on_sqlite_rows_go_in_small_steps(begun: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELETE_ROWS", 3)
    begun.send(*(usage_event("sms.sent") for _ in range(10)))
    now = age(begun, days=40)
    begun.send(usage_event("sms.sent", id="new", time=now), now=now)
    age(begun, days=70, since=now)
    assert held(begun) == ["new"]
    assert total(begun) == 11


def test_several_processes_turn_the_ledger_once(begun: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        for days in (33, 66, 99, 132):
            now = NOW + days * DAY
            list(threads.map(lambda at: rotate_segments(begun.database, RULE, at), [now] * 4))
    assert segments(begun) == [3, 4, 5]


def test_events_that_come_in_while_the_ledger_turns_are_all_counted_once(begun: Engine) -> None:
    def send(number: int) -> int:
        events = [usage_event("sms.sent", id=f"{number % 20}-{one}", time=None) for one in range(50)]
        return begun.send(*events).accepted

    with ThreadPoolExecutor(5) as threads:
        sent = threads.map(send, range(60))
        for number in range(1, 8):
            rotate_segments(begun.database, RULE._replace(keep_for=1000 * DAY), NOW + 33 * number * DAY)
        assert sum(sent) == 20 * 50
    assert len(segments(begun)) == 8
    assert total(begun) == 20 * 50
    assert differences(begun) == []


@pytest.fixture
def dropped(begun: Engine) -> Engine:
    """Events of the first 40 days, whose first segment is dropped."""
    for number in range(40):
        now = age(begun, days=1, since=NOW + (number - 1) * DAY)
        begun.send(
            usage_event("sms.sent", time=now, quantity=5), usage_event("forms.level", time=now, value=3), now=now
        )
    age(begun, days=60, since=NOW + 39 * DAY)
    assert segments(begun)[0] == 2
    return begun


def test_what_is_held_in_part_must_be_in_the_sums_and_what_is_held_whole_must_be_equal(dropped: Engine) -> None:
    with dropped.database.read() as session:
        opened = complete_since(session)
        whole = complete_from(session)
    assert opened == NOW + 33 * DAY
    assert whole == opened.date() + 3 * DAY
    assert differences(dropped) == []
    first_whole, before = whole, whole - DAY

    def change(day: date, by: int) -> list[object]:
        """Tamper with the sum of a day, and say what is found."""
        with dropped.database.write() as session:
            add(session, day, by)
        found = differences(dropped)
        with dropped.database.write() as session:
            add(session, day, -by)
        return found

    assert change(before, +1) == []
    assert len(change(before, -1)) == 1
    assert len(change(first_whole, +1)) == 1
    assert len(change(first_whole, -1)) == 1


def add(session: Session, day: date, amount: int) -> None:
    session.execute(sa.update(UsageSum).where(col(UsageSum.day) == day).values(whole=col(UsageSum.whole) + amount))


def test_a_window_longer_than_the_ledger_is_refused_at_start(dropped: Engine) -> None:
    now = NOW + 99 * DAY
    with dropped.database.read() as session:
        require_dedup_window(session, Settings(dedup_window_days=65), now)
        with pytest.raises(BadSetting) as refused:
            require_dedup_window(session, Settings(dedup_window_days=66), now)
    assert refused.value.message == (
        "ALLOWANCE_DEDUP_WINDOW_DAYS: the ledger holds only events that arrived since 2026-04-17, so a retry of an "
        "older event could count twice. Set 65 at most, and raise ALLOWANCE_LEDGER_DAYS for a longer window later."
    )


def test_readings_do_not_depend_on_what_the_ledger_holds(dropped: Engine) -> None:
    now = NOW + 99 * DAY
    dropped.refresh(now=now)
    assert dropped.reading("sms_credits").used == Decimal(200)
