"""Crossings and contracts that change, over several refreshes."""

from datetime import UTC, date, datetime
from decimal import Decimal

from allowance import Period

from tests.core.refresh.common import DAY, EXCEEDED, HOUR, SMALL, TODAY, YEAR, days_ago, end_of, sent
from tests.fixtures.engine import NOW, Engine, usage_event


def crossings(engine: Engine, meter: str = "interactions") -> list[datetime | None]:
    return [threshold.crossed_at for threshold in engine.reading(meter).thresholds]


def test_a_crossing_is_kept_while_it_lasts_and_new_with_the_next_period(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, billing_period="P1M")
    engine.send(sent(800))
    engine.refresh()
    assert crossings(engine) == [NOW, None]

    later = NOW + 5 * HOUR
    engine.send(sent(201, later), now=later)
    engine.refresh(now=later)
    assert crossings(engine) == [NOW, later]
    engine.refresh(now=later + HOUR)
    assert crossings(engine) == [NOW, later]

    april = datetime(2026, 4, 2, tzinfo=UTC)
    engine.send(sent(1001, april), now=april)
    engine.refresh(now=april)
    assert engine.reading("interactions").period == Period(date(2026, 4, 1), date(2026, 5, 1))
    assert crossings(engine) == [april, april]


def test_a_raised_limit_that_is_crossed_again_is_a_new_crossing(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(1001))
    engine.refresh()
    engine.contract("acme", {**SMALL, "profiles": 200}, effective_from=TODAY)
    engine.refresh(now=NOW + HOUR)
    assert crossings(engine) == [None, None]
    engine.send(sent(1000), now=NOW + 2 * HOUR)
    engine.refresh(now=NOW + 2 * HOUR)
    assert crossings(engine) == [NOW + 2 * HOUR, NOW + 2 * HOUR]


def test_a_contract_changed_inside_a_period_judges_the_whole_of_it_from_its_date_on(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(900, NOW - 5 * DAY), now=NOW - 5 * DAY)
    engine.refresh(now=NOW - 5 * DAY)
    engine.contract("acme", {**SMALL, "profiles": 80}, effective_from=days_ago(2), now=NOW)
    engine.refresh()

    now = engine.reading("interactions")
    assert (now.used, now.limit, now.status, now.period) == (Decimal(900), Decimal(800), EXCEEDED, YEAR)
    assert engine.history("interactions") == [
        (end_of(days_ago(5)), Decimal(900), "AT_RISK"),
        (end_of(days_ago(4)), Decimal(900), "AT_RISK"),
        (end_of(days_ago(3)), Decimal(900), "AT_RISK"),
        (end_of(days_ago(2)), Decimal(900), "EXCEEDED"),
        (end_of(days_ago(1)), Decimal(900), "EXCEEDED"),
        (NOW, Decimal(900), "EXCEEDED"),
    ]


def test_what_is_settled_is_added_to_day_by_day(engine: Engine) -> None:
    engine.license("acme", "Asia/Kathmandu", {**SMALL, "custom_tables": 3}, billing_period="P1M")
    engine.grant("acme", "g", 1000, granted_at=NOW - DAY)
    used = 0
    for number in range(40):
        now = NOW + number * DAY
        events = [sent(2, now), usage_event("sms.sent", time=now, quantity=3)]
        engine.send(*events, usage_event("forms.level", time=now, value=number), now=now)
        engine.refresh(now=now)
        used = 2 if now.date().day == 1 else used + 2
        found = [engine.reading(meter).used for meter in ("interactions", "sms_credits", "forms")]
        assert found == [used, 3 * (number + 1), number]
