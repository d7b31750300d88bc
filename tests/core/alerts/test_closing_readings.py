"""The closing reading of each period alerts, once, under its own period and limit."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from core.alerts.tables import Alert
from core.delivery.message_kinds import CROSSED
from core.delivery.outbox.tables import Message
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HUNDRED = {"profiles": 10, "interactions_per_profile": 10}
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
Found = tuple[date, Decimal, Decimal]
"""The first day of the period, the ratio and the limit of an alert."""


def alerts(engine: Engine, key: str = "acme") -> Sequence[Alert]:
    with engine.database.read() as session:
        found = select(Alert).where(Alert.license_id == engine.id(key), Alert.meter == "interactions")
        return session.exec(found.order_by(col(Alert.period_first), col(Alert.ratio))).all()


def found(engine: Engine, key: str = "acme") -> list[Found]:
    return [(one.period_first, one.ratio, one.limit) for one in alerts(engine, key)]


def crossed_messages(engine: Engine) -> int:
    with engine.database.read() as session:
        return len(session.exec(select(Message).where(Message.kind == CROSSED)).all())


OLD_PERIOD = [(date(2026, 1, 1), Decimal("0.8"), Decimal(100)), (date(2026, 1, 1), Decimal(1), Decimal(100))]


def test_what_crossed_in_the_last_minute_of_a_period_alerts_after_its_end(engine: Engine) -> None:
    engine.license(terms=HUNDRED)
    engine.refresh(now=NEW_YEAR - 3 * HOUR)
    last_minute = datetime(2026, 12, 31, 23, 59, 21, tzinfo=UTC)
    engine.send(usage_event("interaction.sent", time=last_minute, quantity=500), now=last_minute)
    engine.refresh(now=NEW_YEAR + timedelta(minutes=3))
    assert found(engine) == OLD_PERIOD
    assert [(one.used, one.period_end) for one in alerts(engine)] == [(500, date(2027, 1, 1))] * 2
    assert crossed_messages(engine) == 1
    for later in (1, 2, 3):
        engine.refresh(now=NEW_YEAR + later * HOUR)
    assert found(engine) == OLD_PERIOD
    assert crossed_messages(engine) == 1
    assert engine.reading("interactions").used == 0


def test_usage_that_comes_late_into_a_period_that_is_over_alerts(engine: Engine) -> None:
    engine.license(terms=HUNDRED)
    engine.refresh(now=NEW_YEAR - 3 * HOUR)
    engine.refresh(now=NEW_YEAR + 2 * DAY)
    assert found(engine) == []
    later = NEW_YEAR + 5 * DAY
    engine.send(usage_event("interaction.sent", time=NEW_YEAR - DAY, quantity=500), now=later)
    engine.refresh(now=later)
    assert found(engine) == OLD_PERIOD
    assert [one.crossed_at.date() for one in alerts(engine)] == [date(2026, 12, 31)] * 2


def test_a_period_that_is_over_is_held_against_its_own_limit(engine: Engine) -> None:
    engine.license(terms=HUNDRED)
    engine.contract("acme", {"profiles": 100, "interactions_per_profile": 10}, effective_from=date(2027, 1, 1))
    engine.refresh(now=NEW_YEAR - 3 * HOUR)
    engine.send(usage_event("interaction.sent", time=NEW_YEAR - HOUR, quantity=500), now=NEW_YEAR - HOUR)
    engine.refresh(now=NEW_YEAR + HOUR)
    assert found(engine) == OLD_PERIOD


def test_a_level_that_was_over_at_the_end_of_the_period_and_dropped_since_alerts(engine: Engine) -> None:
    engine.license(terms={"forms": 5})
    engine.refresh(now=NEW_YEAR - 3 * HOUR)
    engine.send(usage_event("forms.level", time=NEW_YEAR - HOUR, value=9), now=NEW_YEAR - HOUR)
    engine.send(usage_event("forms.level", time=NEW_YEAR + HOUR, value=2), now=NEW_YEAR + HOUR)
    engine.refresh(now=NEW_YEAR + 2 * HOUR)
    with engine.database.read() as session:
        assert [(one.meter, one.period_first, one.limit) for one in session.exec(select(Alert))] == [
            ("forms", date(2026, 1, 1), 5)
        ]


def test_after_a_backfill_a_crossing_is_dated_to_the_day_on_which_usage_crossed(engine: Engine) -> None:
    engine.license(terms=HUNDRED, effective_from=date(2025, 7, 1), starts_on=date(2025, 7, 1))
    engine.refresh()
    october = datetime(2025, 10, 14, 9, tzinfo=UTC)
    engine.backfill(
        usage_event("interaction.sent", time=datetime(2025, 9, 3, 9, tzinfo=UTC), quantity=85),
        usage_event("interaction.sent", time=october, quantity=65),
    )
    engine.refresh(now=NOW + HOUR)
    assert [(one.ratio, one.crossed_at.date()) for one in alerts(engine)] == [
        (Decimal("0.8"), date(2025, 9, 3)),
        (Decimal(1), date(2025, 10, 14)),
    ]
    thresholds = engine.reading("interactions").thresholds
    assert [one.crossed_at.date() for one in thresholds if one.crossed_at] == [date(2025, 9, 3), date(2025, 10, 14)]


# Any usage and any refreshes over several periods ---------------------------------------------------------------------

FIRST = date(2026, 3, 1)
hours = st.integers(0, 90 * 24)


@examples(15)
@given(
    usage=st.lists(st.tuples(hours, st.integers(0, 34 * 24), st.integers(1, 70)), min_size=1, max_size=8),
    refreshes=st.lists(hours, max_size=6),
)
def test_every_period_alerts_as_its_closing_reading_says(
    engine: Engine, usage: list[tuple[int, int, int]], refreshes: list[int]
) -> None:
    """Usage comes in some hours after its time, up to the deduplication window; refreshes run at any time."""
    key, start = new_key(), datetime(2026, 3, 1, tzinfo=UTC)
    engine.license(key, "UTC", HUNDRED, effective_from=FIRST, starts_on=FIRST, billing_period="P1M")
    engine.refresh(key, now=start)  # as the schedule does for a license that is put
    end = start + 130 * DAY
    steps = [
        (start + (time + min(late, 34 * 24)) * HOUR, start + time * HOUR, quantity) for time, late, quantity in usage
    ]
    moments = sorted([(arrival, time, quantity) for arrival, time, quantity in steps])
    due = sorted(start + hour * HOUR for hour in refreshes)
    for arrival, time, quantity in moments:
        while due and due[0] <= arrival:
            engine.refresh(key, now=due.pop(0))
        engine.send(usage_event("interaction.sent", key, time, quantity=quantity), now=arrival)
    for moment in [*due, end]:
        engine.refresh(key, now=moment)
    totals: dict[date, int] = {}
    for _, time, quantity in moments:
        first = time.date().replace(day=1)
        totals[first] = totals.get(first, 0) + quantity
    expected = [
        (first, ratio, Decimal(100))
        for first, total in sorted(totals.items())
        for ratio, is_crossed in ((Decimal("0.8"), total >= 80), (Decimal(1), total > 100))
        if is_crossed
    ]
    assert found(engine, key) == expected
