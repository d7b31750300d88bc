"""Corrections of counted usage: signed adjustments, and events that are cancelled."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, select, update

from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.alerts.tables import Alert
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.status import UsageStatus
from core.errors import InvalidInput
from core.queue.tables import RefreshRun
from core.usage.amount import TotalTooLarge
from core.usage.dropped_days import DroppedDays
from core.usage.events import EventRules, check_events
from core.usage.recount import recount
from core.usage.retention import rotate_segments, segment_retention
from core.usage.tables import LedgerEvent, LedgerSegment, UsageCorrection, UsageLevel, UsageSum
from tests.fixtures.engine import NOW, Engine, usage_event

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TERMS = {"profiles": 10, "interactions_per_profile": 1, "forms": 5}


def correct(
    engine: Engine, id: str = "c", *, license: str = "acme", now: datetime = NOW, **given: Any
) -> UsageCorrection:
    given.setdefault("reason", "why")
    if "quantity" in given:
        given["quantity"] = Decimal(given["quantity"])
        given.setdefault("event", "interaction.sent")
    with engine.database.write() as session:
        correction = CorrectionInput(id, license, **given)
        runtime = engine.runtime
        return correct_usage(session, correction, runtime.registry, runtime.settings, "an operator", now)


def codes(engine: Engine, **given: Any) -> list[tuple[str, tuple[str, ...]]]:
    with pytest.raises(InvalidInput) as refused:
        correct(engine, **given)
    return [(problem.code, problem.path) for problem in refused.value.problems]


def cancel(engine: Engine, id: str, event: str, **rest: Any) -> UsageCorrection:
    return correct(engine, id, cancels=("/test", event), **rest)


def used(engine: Engine, meter: str = "interactions", *, now: datetime = NOW) -> Decimal | None:
    engine.refresh(now=now)
    return engine.reading(meter).used


def past(engine: Engine, day: date, meter: str = "interactions", *, now: datetime = NOW) -> JudgedReading:
    return engine.past_readings(day, now=now)[meter]


def differences(engine: Engine) -> Sequence[object]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(), engine.runtime.registry.event_types))


def age(engine: Engine) -> datetime:
    """Let 150 days go by since NOW, so that the ledger drops what has arrived so far; the time then."""
    rule, now = segment_retention(engine.runtime.settings), NOW
    with engine.database.write() as session:
        session.execute(update(LedgerSegment).values(opened_at=NOW))
    for number in range(1, 150):
        now = NOW + number * DAY
        rotate_segments(engine.database, rule, now)
    return now


@pytest.fixture
def counted(engine: Engine) -> Engine:
    """A license with a limit of 10 interactions, of which 12 are used, 5 of them three days ago."""
    engine.license("acme", "Europe/Brussels", TERMS)
    engine.send(
        usage_event("interaction.sent", id="late", time=NOW - 3 * DAY, quantity=5),
        usage_event("interaction.sent", id="now", time=NOW - HOUR, quantity=7, dimensions={"channel": "print"}),
    )
    engine.refresh()
    assert engine.reading("interactions").used == 12
    return engine


def test_an_adjustment_takes_away_and_adds_exactly(counted: Engine) -> None:
    correct(counted, "a", quantity="-1.5")
    assert used(counted) == Decimal("10.5")
    correct(counted, "b", quantity="-0.000000001", time=NOW - 3 * DAY)
    assert used(counted) == Decimal("10.499999999")
    correct(counted, "c", quantity="0.500000001", time=NOW - 40 * DAY)
    assert used(counted) == 11
    assert differences(counted) == []


def test_an_adjustment_of_a_dimension_counts_in_its_share(counted: Engine) -> None:
    correct(counted, quantity=-3, dimensions={"channel": "print"})
    assert used(counted) == 9
    shares = {share.key: share.used for share in counted.reading("interactions").shares if share.used}
    assert shares == {"": 5, "print": 4}


def test_a_reading_and_its_shares_never_show_less_than_zero_and_later_usage_counts_against_it(counted: Engine) -> None:
    correct(counted, quantity=-20, dimensions={"channel": "print"})
    assert used(counted) == 0
    assert [share.used for share in counted.reading("interactions").shares if share.used] == [5]
    counted.send(usage_event("interaction.sent", quantity=10, dimensions={"channel": "print"}))
    assert used(counted) == 2
    assert differences(counted) == []


def test_an_adjustment_in_the_past_alters_the_past_and_history(counted: Engine) -> None:
    later = NOW + DAY
    counted.refresh(now=later)
    correct(counted, quantity=-2, time=NOW - 3 * DAY + HOUR, now=later)
    assert used(counted, now=later) == 10
    assert past(counted, (NOW - 4 * DAY).date(), now=later).used == 0
    assert past(counted, (NOW - 2 * DAY).date(), now=later).used == 3
    days = {at.date(): amount for at, amount, _ in counted.history("interactions", until=later)}
    assert days[(NOW - 2 * DAY).date()] == 3
    assert days[NOW.date()] == 10


def test_alerts_recover_when_a_correction_takes_usage_back_under_the_limit(counted: Engine) -> None:
    with counted.database.read() as session:
        assert session.exec(select(Alert).where(col(Alert.recovered_at).is_(None))).all()
    correct(counted, quantity=-7)
    assert used(counted) == 5
    assert counted.reading("interactions").status is UsageStatus.OK
    with counted.database.read() as session:
        assert session.exec(select(Alert).where(col(Alert.recovered_at).is_(None))).all() == []


def test_an_adjustment_that_takes_an_ended_period_over_its_limit_alerts_under_that_period(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS, starts_on=date(2026, 1, 1), billing_period="P1M")
    engine.send(usage_event("interaction.sent", time=NOW - 20 * DAY, quantity=7))
    engine.refresh()
    correct(engine, quantity=5, time=NOW - 20 * DAY)
    engine.refresh()
    assert engine.reading("interactions").used == 0
    with engine.database.read() as session:
        [alert] = session.exec(select(Alert).where(Alert.ratio == 1))
    assert (alert.meter, alert.period_end, alert.used) == ("interactions", date(2026, 3, 1), 12)


def test_a_correction_counts_once_for_ever(counted: Engine) -> None:
    given: dict[str, Any] = {"quantity": -2, "entity": "be", "dimensions": {"channel": "social"}}
    first = correct(counted, **given)
    assert (first.author, first.reason, first.corrected_at, first.time) == ("an operator", "why", NOW, NOW)
    again = correct(counted, now=NOW + 400 * DAY, **given)
    assert again.corrected_at == NOW
    assert used(counted) == 10
    for other in ({"quantity": -3}, {"entity": "nl"}, {"time": NOW - DAY}, {"reason": "else"}, {"dimensions": None}):
        assert codes(counted, **{**given, **other}) == [("ID_CONFLICT", ("id",))]
    assert codes(counted, cancels=("/test", "now")) == [("ID_CONFLICT", ("id",))]
    assert used(counted) == 10


def test_a_cancelled_event_counts_nothing_and_is_a_duplicate_if_it_is_sent_again(counted: Engine) -> None:
    for _ in range(2):
        cancel(counted, "x", "late")
    assert used(counted) == 7
    assert past(counted, (NOW - 2 * DAY).date()).used == 0
    raw = usage_event("interaction.sent", id="late", time=NOW - 3 * DAY, quantity=5)
    assert counted.send(raw).duplicates == 1
    assert counted.backfill(raw).duplicates == 1
    assert used(counted) == 7
    assert differences(counted) == []


def test_an_event_is_cancelled_once(counted: Engine) -> None:
    cancel(counted, "x", "late")
    assert codes(counted, id="y", cancels=("/test", "late")) == [("ALREADY_CANCELLED", ("cancels",))]
    assert codes(counted, id="y", cancels=("/other", "late")) == [("UNKNOWN_EVENT", ("cancels",))]
    # The refused correction was not recorded, so its id is free.
    cancel(counted, "y", "now")
    assert used(counted) == 0
    assert differences(counted) == []


def test_an_adjustment_is_cancelled_as_an_event(counted: Engine) -> None:
    correct(counted, "a", quantity=-4)
    correct(counted, "b", cancels=("allowance:adjustment", "a"))
    assert used(counted) == 12
    correct(counted, "a", quantity=-4)
    assert used(counted) == 12
    assert differences(counted) == []


def test_without_a_cancelled_report_the_level_is_that_of_the_report_before(counted: Engine) -> None:
    for number, (ago, value) in enumerate([(3 * DAY, 2), (2 * HOUR, 9), (HOUR, 4)]):
        now = NOW + timedelta(seconds=number)
        counted.send(usage_event("forms.level", id=f"f{number}", time=NOW - ago, value=value), now=now)
    assert used(counted, "forms") == 4
    cancel(counted, "1", "f2")
    assert used(counted, "forms") == 9
    cancel(counted, "2", "f1")
    assert used(counted, "forms") == 2
    cancel(counted, "3", "f0")
    assert used(counted, "forms") is None
    assert differences(counted) == []
    days = [amount for at, amount, _ in counted.history("forms", until=NOW)]
    assert set(days) == {None}
    counted.send(usage_event("forms.level", value=6), now=NOW + HOUR)
    assert used(counted, "forms", now=NOW + HOUR) == 6


def test_a_report_from_a_clock_ahead_comes_back_when_the_report_that_outdated_it_is_cancelled(engine: Engine) -> None:
    engine.license()
    ahead = NOW.replace(hour=23, minute=59)
    engine.send(usage_event("forms.level", id="ahead", time=ahead + timedelta(minutes=2), value=8), now=ahead)
    after = ahead + timedelta(minutes=3)
    engine.send(usage_event("forms.level", id="right", time=ahead + timedelta(seconds=30), value=3), now=after)
    with engine.database.read() as session:
        assert session.exec(select(UsageLevel.event_id)).all() == ["right"]
    cancel(engine, "c", "right", now=after)
    with engine.database.read() as session:
        assert session.exec(select(UsageLevel.event_id)).all() == ["ahead"]
    assert differences(engine) == []


def test_a_level_is_not_adjusted(counted: Engine) -> None:
    assert codes(counted, event="forms.level", quantity=-1) == [("IS_A_LEVEL", ("event",))]


def test_a_correction_makes_the_refresh_due_at_once(counted: Engine) -> None:
    correct(counted, quantity=-1)
    with counted.database.read() as session:
        [run] = session.exec(select(RefreshRun))
    assert (run.due_at, run.only_due) == (NOW, False)


@pytest.fixture
def dropped(engine: Engine) -> tuple[Engine, datetime]:
    """A ledger that has dropped a counter's event and a level's report; the time then."""
    engine.license("acme", "UTC", TERMS)
    engine.send(usage_event("interaction.sent", id="gone", quantity=5), usage_event("forms.level", id="level", value=3))
    correct(engine, "early", quantity=-1)
    now = age(engine)
    with engine.database.read() as session:
        assert session.exec(select(LedgerEvent.id)).all() == ["early"]
    return engine, now


def test_an_event_that_the_ledger_has_dropped_is_not_cancelled_but_adjusted(dropped: tuple[Engine, datetime]) -> None:
    engine, now = dropped
    with pytest.raises(InvalidInput) as refused:
        cancel(engine, "c", "gone", now=now)
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == ("UNKNOWN_EVENT", ("cancels",))
    assert "To correct other usage, give an event type and a signed quantity." in problem.message
    correct(engine, "c", quantity=-2, time=NOW, now=now)
    engine.refresh(now=now)
    assert engine.reading("interactions").used == 2
    assert past(engine, NOW.date(), now=now).used == 2
    assert differences(engine) == []


def test_adjustments_stay_in_the_ledger_and_can_be_cancelled_for_ever(dropped: tuple[Engine, datetime]) -> None:
    engine, now = dropped
    correct(engine, "c", cancels=("allowance:adjustment", "early"), now=now)
    engine.refresh(now=now)
    assert engine.reading("interactions").used == 5
    assert differences(engine) == []


def test_a_level_of_a_day_with_dropped_reports_is_not_cancelled(dropped: tuple[Engine, datetime]) -> None:
    engine, now = dropped
    engine.backfill(usage_event("forms.level", id="old", time=NOW + HOUR, value=9), now=now)
    assert codes(engine, cancels=("/test", "old"), now=now) == [("DAY_DROPPED", ("cancels",))]


def test_a_cancelled_event_that_was_dropped_does_not_count_if_it_is_backfilled(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS)
    raw = usage_event("interaction.sent", id="gone", quantity=5)
    engine.send(raw)
    cancel(engine, "c", "gone")
    now = age(engine)
    rules = EventRules(engine.runtime.registry.event_types, now, None, HOUR, lambda _: True)
    events, _ = check_events([raw], rules)
    with engine.database.write() as session:
        [rejected] = DroppedDays("a digest", "gone.csv").reject(session, events)
    assert rejected.code == "MAYBE_COUNTED"


def test_credits_come_back_at_the_instant_of_the_correction(engine: Engine) -> None:
    engine.license("acme", "Asia/Tokyo")
    end, long_ago = NOW - 3 * HOUR, NOW - 20 * DAY
    engine.grant("acme", "old", 100, granted_at=long_ago, expires_at=end, now=long_ago)
    engine.grant("acme", "new", 100, granted_at=long_ago, now=long_ago)
    engine.send(
        usage_event("sms.sent", id="before", time=end - HOUR, quantity=10),
        usage_event("sms.sent", id="after", time=end + HOUR, quantity=30),
    )
    correct(engine, "a", event="sms.sent", quantity=-4, time=end + HOUR)
    engine.refresh()
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 74}
    cancel(engine, "b", "after")
    engine.refresh()
    # More came back than `new` had paid.
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 100}
    # Once the day is divided for good, and the ledger has dropped its events.
    engine.refresh(now=NOW + DAY)
    now = age(engine)
    correct(engine, "c", event="sms.sent", quantity=9, time=end + HOUR, now=now)
    engine.refresh(now=now)
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 95}
    assert past(engine, NOW.date(), "sms_credits", now=now).grants == {"old": 0, "new": 95}
    assert differences(engine) == []


def test_a_sum_stays_exact_or_is_refused(counted: Engine) -> None:
    most = 2**53
    for number in range(3):
        correct(counted, f"a{number}", quantity=-most)
    for number in range(3):
        correct(counted, f"b{number}", quantity=most)
    assert used(counted) == 12
    with counted.database.write() as session:
        for row in session.exec(select(UsageSum).where(UsageSum.day == NOW.date())):
            row.whole = -(2**62) + 1
            session.add(row)
    with pytest.raises(TotalTooLarge):
        correct(counted, "c", quantity=-2, dimensions={"channel": "print"})
    with counted.database.read() as session:
        assert session.get(UsageCorrection, (counted.id(), "c")) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("BAD_INPUT", ("event",))]),
        ({"event": "interaction.sent"}, [("BAD_INPUT", ("quantity",))]),
        ({"quantity": 0}, [("BAD_INPUT", ("quantity",))]),
        ({"quantity": "NaN"}, [("BAD_INPUT", ("quantity",))]),
        ({"quantity": "1e300"}, [("BAD_INPUT", ("quantity",))]),
        ({"quantity": "-0.0000000001"}, [("BAD_INPUT", ("quantity",))]),
        ({"quantity": 1, "event": "interaction.snet"}, [("UNKNOWN_TYPE", ("event",))]),
        ({"quantity": 1, "entity": ""}, [("BAD_INPUT", ("entity",))]),
        ({"quantity": 1, "dimensions": {"canal": "print"}}, [("UNKNOWN_DIMENSION", ("dimensions",))]),
        ({"quantity": 1, "dimensions": {"channel": "prnt"}}, [("UNKNOWN_DIMENSION_VALUE", ("dimensions",))]),
        ({"quantity": 1, "dimensions": [1]}, [("BAD_FIELD", ("dimensions",))]),
        ({"quantity": 1, "dimensions": {"channel": 10**400}}, [("BAD_FIELD", ("dimensions",))]),
        ({"quantity": 1, "time": NOW + HOUR}, [("FROM_THE_FUTURE", ("time",))]),
        ({"quantity": 1, "license": "nobody"}, [("UNKNOWN_LICENSE", ("license",))]),
        ({"quantity": 1, "id": "\x00", "reason": ""}, [("BAD_INPUT", ("id",)), ("BAD_INPUT", ("reason",))]),
        ({"quantity": 1, "cancels": ("a", "b")}, [("BAD_INPUT", ("event",)), ("BAD_INPUT", ("quantity",))]),
        ({"cancels": ("", "b\x00")}, [("BAD_INPUT", ("cancels", "source")), ("BAD_INPUT", ("cancels", "id"))]),
    ],
)
def test_a_correction_that_cannot_be_is_refused_by_name_and_nothing_is_written(
    counted: Engine, given: dict[str, Any], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert codes(counted, **given) == expected
    with counted.database.read() as session:
        assert session.exec(select(UsageCorrection)).all() == []
        assert len(session.exec(select(LedgerEvent)).all()) == 2


def test_nobody_sends_events_in_the_name_of_adjustments(counted: Engine) -> None:
    raw = {**usage_event("interaction.sent", quantity=1), "source": "allowance:adjustment"}
    [rejected] = counted.send(raw).rejected
    assert rejected.code == "BAD_FIELD"
