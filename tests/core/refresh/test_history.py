"""The history that a refresh writes: ends of days, superseded hours, and thinning."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.consumption.intervals import Interval
from core.consumption.thinning import HistoryRetention
from tests.core.refresh.common import DAY, HOUR, INSTANT, SMALL, WEB, days_ago, end_of, late_marks, sent
from tests.fixtures.engine import NOW, Engine, usage_event


def test_a_contract_whose_periods_begin_elsewhere_counts_its_own_periods(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, billing_period="P1M", effective_from=date(2025, 1, 1))
    engine.backfill(*(sent(1, NOW - number * DAY) for number in range(5, 205)), now=NOW - 5 * DAY)
    engine.refresh(now=NOW - 5 * DAY)
    engine.contract(
        "acme", SMALL, billing_period="P1Y", effective_from=days_ago(2), starts_on=date(2025, 9, 1), now=NOW - 5 * DAY
    )
    engine.refresh()

    history = {at: used for at, used, _ in engine.history("interactions")}
    assert history[end_of(days_ago(3))] == Decimal(10)  # of March
    assert history[end_of(days_ago(2))] == Decimal(191)  # since September
    assert history[NOW] == Decimal(191)


def test_days_that_ended_since_the_last_refresh_are_remembered(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL)
    engine.send(sent(1), usage_event("forms.level", value=1))
    engine.refresh()
    for day in (1, 2, 3):
        at = NOW + day * DAY
        engine.send(sent(1, at), usage_event("forms.level", time=at, value=day + 1), now=at)
    engine.refresh(now=NOW + 3 * DAY)

    midnight = datetime(2026, 3, 15, 18, 30, tzinfo=UTC) - INSTANT
    assert engine.points("interactions") == [NOW, midnight, midnight + DAY, midnight + 2 * DAY, NOW + 3 * DAY]
    assert engine.history("interactions") == [
        (midnight, Decimal(1), "OK"),
        (midnight + DAY, Decimal(2), "OK"),
        (midnight + 2 * DAY, Decimal(3), "OK"),
        (NOW + 3 * DAY, Decimal(4), "OK"),
    ]
    assert [used for _, used, _ in engine.history("forms")] == [1, 2, 3, 4]


def test_what_is_committed_after_midnight_of_the_day_before_is_in_its_last_point(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100))
    engine.refresh()
    midnight = datetime(2026, 3, 16, tzinfo=UTC)
    engine.refresh(now=midnight + timedelta(minutes=1))
    # Taken in a second before midnight, and so not late, but committed minutes after.
    engine.send(sent(5, midnight - timedelta(seconds=1)), now=midnight - timedelta(seconds=1))
    assert late_marks(engine) == set()
    engine.refresh(now=midnight + timedelta(minutes=20))
    assert engine.history("interactions") == [
        (midnight - INSTANT, Decimal(105), "OK"),
        (midnight + timedelta(minutes=20), Decimal(105), "OK"),
    ]


def test_of_an_hour_the_last_refresh_is_left_with_all_that_the_others_said(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL)  # 17:30 there: hours end at the half
    minute = timedelta(minutes=1)
    for number in (0, 29, 30, 40, 50):
        engine.send(sent(1, NOW + number * minute), now=NOW + number * minute)
        engine.refresh(now=NOW + number * minute)
    engine.refresh(now=NOW + 55 * minute, scope=WEB)

    assert engine.points("interactions") == [NOW + 29 * minute, NOW + 50 * minute]
    assert engine.points("forms") == [NOW + 29 * minute, NOW + 55 * minute]
    assert engine.history("interactions", interval=Interval.HOUR) == [
        (NOW + 29 * minute, Decimal(2), "OK"),
        (NOW + 50 * minute, Decimal(5), "OK"),
    ]


def test_history_is_thinned_to_the_ends_of_days_and_then_of_months(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL, effective_from=date(2020, 1, 1))
    retention, hours = HistoryRetention(hourly=3, daily=31), 12
    for number in range(0, 80 * 24, hours):
        engine.refresh(now=NOW + number * HOUR, retention=retention)
    last = NOW + (80 * 24 - hours) * HOUR
    loaded = engine.loaded(now=last)
    points = engine.points("forms")
    days = [at.astimezone(ZoneInfo("Asia/Kolkata")).date() for at in points]

    # Weeks are thinned as a whole, so up to six days more may be there.
    ends = {loaded.end_of(day) for day in days}
    assert {at for at, day in zip(points, days, strict=True) if day < loaded.today - 10 * DAY} <= ends
    assert all(days.count(loaded.today - ago * DAY) == 3 for ago in (1, 2, 3))  # two refreshes and the end
    old = [day for day in days if day < loaded.today - 31 * DAY]
    assert [day for day in old if day < loaded.today - 38 * DAY] == [date(2026, 3, 31)]
    assert date(2026, 4, 30) in days
    assert set(days) >= {loaded.today - number * DAY for number in range(32)}
