"""A corrected time zone loses nothing that was counted."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select, update

from core.administration.rules.licenses import time_zones
from core.alerts.tables import Alert
from core.consumption.intervals import Interval
from core.usage.dropped_days import DroppedDays
from core.usage.events import EventRules, check_events
from core.usage.recount import recount
from core.usage.tables import LedgerEvent, UsageSum
from tests.core.administration.test_correct_usage import age, cancel
from tests.core.measuring.test_credits_by_instant import PlainGrant, burn
from tests.fixtures import plain
from tests.fixtures.engine import Engine, new_key, usage_event
from tests.fixtures.plain import PlainLicense
from tests.forms import examples

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = datetime(2026, 3, 15, 5, tzinfo=UTC)
"""The 15th in UTC, and still the 14th in Los Angeles and Honolulu."""
LOS_ANGELES, HONOLULU, KIRITIMATI = "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Kiritimati"


def sent(quantity: int, time: datetime, **fields: Any) -> dict[str, Any]:
    return usage_event("interaction.sent", time=time, quantity=quantity, **fields)


def differences(engine: Engine, key: str = "acme") -> list[Any]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(key), engine.runtime.registry.event_types))


def test_usage_of_this_morning_stays_when_it_becomes_yesterday_again(engine: Engine) -> None:
    engine.license("acme", "UTC", {"profiles": 1, "interactions_per_profile": 10})
    engine.send(sent(3, MORNING - 2 * DAY), sent(12, MORNING - 4 * HOUR), now=MORNING)
    engine.refresh(now=MORNING)
    before = engine.reading("interactions")
    assert (before.used, before.status) == (15, "EXCEEDED")

    engine.license("acme", LOS_ANGELES, now=MORNING)
    for hours in range(4):
        now = MORNING + hours * HOUR
        engine.refresh(now=now)
        after = engine.reading("interactions")
        assert (after.used, after.status) == (15, "EXCEEDED")
        assert [one.crossed_at for one in after.thresholds] == [one.crossed_at for one in before.thresholds]
    with engine.database.read() as session:
        alerts = session.exec(select(Alert).where(Alert.license_id == engine.id())).all()
    assert {(alert.ratio, alert.recovered_at) for alert in alerts} == {(Decimal("0.8"), None), (Decimal(1), None)}
    assert differences(engine) == []


def test_history_has_the_usage_on_its_new_day(engine: Engine) -> None:
    engine.license()
    engine.send(sent(3, MORNING - 2 * DAY), now=MORNING - 2 * DAY)
    engine.refresh(now=MORNING - DAY)
    engine.send(sent(12, MORNING - 4 * HOUR), now=MORNING)
    engine.refresh(now=MORNING)
    engine.license("acme", LOS_ANGELES, now=MORNING)
    engine.refresh(now=MORNING + DAY)
    engine.refresh(now=MORNING + 2 * DAY)

    points = {at.astimezone(ZoneInfo(LOS_ANGELES)).date().day: used for at, used, _ in engine.history("interactions")}
    assert points == {12: 3, 13: 3, 14: 15, 15: 15, 16: 15}
    for day, used in points.items():
        past = engine.past_readings(date(2026, 3, day), now=MORNING + 2 * DAY) if day < 16 else engine.readings()
        assert past["interactions"].used == used


def test_the_newest_level_stands_when_its_day_has_not_begun_in_the_new_zone(engine: Engine) -> None:
    engine.license("acme", KIRITIMATI)
    engine.send(usage_event("forms.level", time=MORNING - 40 * HOUR, value=2), now=MORNING)
    engine.send(usage_event("forms.level", time=MORNING - HOUR, value=5), now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.reading("forms").used == 5
    engine.license("acme", HONOLULU, now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.reading("forms").used == 5
    assert differences(engine) == []


def test_a_level_reported_after_the_change_replaces_that_of_a_day_ahead(engine: Engine) -> None:
    engine.license("acme", KIRITIMATI)
    engine.send(usage_event("forms.level", time=MORNING - HOUR, value=5), now=MORNING)
    engine.license("acme", HONOLULU, now=MORNING)
    engine.send(usage_event("forms.level", time=MORNING - HOUR / 2, value=4), now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.reading("forms").used == 4
    engine.license("acme", KIRITIMATI, now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.reading("forms").used == 4
    assert differences(engine) == []


def test_credits_that_were_spent_stay_spent(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 100, granted_at=MORNING - 9 * DAY, now=MORNING - 9 * DAY)
    engine.send(usage_event("sms.sent", time=MORNING - 4 * HOUR, quantity=12), now=MORNING)
    engine.refresh(now=MORNING)
    engine.license("acme", LOS_ANGELES, now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.reading("sms_credits").grants == {"g": 88}


@pytest.mark.parametrize("zone", [LOS_ANGELES, KIRITIMATI, "Asia/Kathmandu"])
def test_a_change_back_and_forth_changes_no_figure(engine: Engine, zone: str) -> None:
    engine.license("acme", "UTC", {"profiles": 10, "interactions_per_profile": 10})
    events = [sent(1, MORNING - hours * HOUR) for hours in range(1, 200, 7)]
    engine.send(*events, now=MORNING)
    engine.refresh(now=MORNING)
    figures = engine.history("interactions")
    for put in (zone, "UTC"):
        engine.license("acme", put, now=MORNING)
    engine.refresh(now=MORNING)
    assert engine.history("interactions")[-len(figures) :] == figures
    for put in (zone, "UTC"):
        engine.license("acme", put, now=MORNING)
        engine.refresh(now=MORNING)
        assert engine.reading("interactions").used == len(events)
        assert differences(engine) == []
    assert engine.history("interactions")[-len(figures) :] == figures


def test_usage_leaves_a_billing_period_with_its_day(engine: Engine) -> None:
    """The period of a midnight is of the corrected zone, in the present and in the closing reading."""
    now = datetime(2026, 4, 1, 12, tzinfo=UTC)
    engine.license("acme", "UTC", {"profiles": 1, "interactions_per_profile": 10}, billing_period="P1M")
    engine.send(sent(7, datetime(2026, 4, 1, 3, tzinfo=UTC)), sent(2, now - HOUR), now=now)
    engine.refresh(now=now)
    assert engine.reading("interactions").used == 9
    engine.license("acme", LOS_ANGELES, now=now)
    engine.refresh(now=now)
    assert engine.reading("interactions").used == 2
    assert engine.past_readings(date(2026, 3, 31), now=now)["interactions"].used == 7


def test_many_events_are_corrected_by_the_refresh(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.usage.rezone.MANY", 2)
    engine.license()
    engine.send(sent(3, MORNING - 2 * DAY), sent(12, MORNING - 4 * HOUR), now=MORNING)
    engine.refresh(now=MORNING)
    engine.license("acme", LOS_ANGELES, now=MORNING)
    # The figures of the wrong days are dropped, and the license is refreshed again.
    assert engine.refresh(now=MORNING) == {}
    assert engine.reading("interactions").used == 15
    assert engine.refresh(now=MORNING) != {}
    assert engine.reading("interactions").used == 15
    assert differences(engine) == []


def test_an_event_that_was_recorded_by_the_old_zone_meanwhile_is_corrected(engine: Engine) -> None:
    engine.license()
    engine.license("acme", LOS_ANGELES, now=MORNING)
    engine.refresh(now=MORNING)
    engine.send(sent(12, MORNING - 4 * HOUR), now=MORNING)
    with engine.database.write() as session:  # as a transaction would that read the time zone before the change
        license_id = engine.id()
        for table in (LedgerEvent, UsageSum):
            session.execute(update(table).where(col(table.license_id) == license_id).values(day=date(2026, 3, 15)))
    due = engine.refresh(now=MORNING + HOUR / 12)
    assert due == {}
    due = engine.refresh(now=MORNING + HOUR / 12)
    assert due == {license_id: MORNING + HOUR / 4}
    assert engine.reading("interactions").used == 12
    with engine.database.read() as session:
        assert session.exec(select(col(LedgerEvent.day)).where(LedgerEvent.license_id == license_id)).all() == [
            date(2026, 3, 14)
        ]


@pytest.mark.parametrize(("before", "after"), [("UTC", LOS_ANGELES), (KIRITIMATI, HONOLULU), (HONOLULU, KIRITIMATI)])
def test_hours_of_today_keep_their_figures(engine: Engine, before: str, after: str) -> None:
    """Entries of today are relative to entries that are of yesterday now, and that history replaces.

    The contract of today has a higher limit than that of yesterday.
    """
    engine.license("acme", before, {"profiles": 1, "interactions_per_profile": 1})
    since = min(MORNING.astimezone(ZoneInfo(zone)).date() for zone in (before, after))
    engine.contract("acme", {"profiles": 1, "interactions_per_profile": 1000}, effective_from=since)
    expected = []
    for number, hours in enumerate(range(40, 0, -1)):
        now = MORNING - hours * HOUR
        if number % 2:
            engine.send(sent(1, now), now=now)
        engine.refresh(now=now)
        expected.append((now, (number + 1) // 2))
    engine.license("acme", after, now=MORNING)
    engine.refresh(now=MORNING)
    zone = ZoneInfo(after)
    today = MORNING.astimezone(zone).date()
    hourly = engine.history("interactions", interval=Interval.HOUR)
    of_today = [point[1:] for point in hourly if point[0].astimezone(zone).date() == today and point[0] < MORNING]
    assert of_today == [(used, "OK") for at, used in expected if at.astimezone(zone).date() == today]


def test_usage_that_the_ledger_has_dropped_keeps_its_day(engine: Engine) -> None:
    engine.license()
    spent = usage_event("sms.sent", time=MORNING, quantity=4)
    sent_events = [sent(3, MORNING), usage_event("forms.level", time=MORNING, value=5), spent]
    engine.grant("acme", "g", 100, granted_at=MORNING - DAY, now=MORNING - DAY)
    engine.send(*sent_events)
    engine.refresh()
    now = age(engine)
    for zone in (HONOLULU, KIRITIMATI):
        engine.license("acme", zone, now=now)
        engine.refresh(now=now)
        readings = engine.readings()
        assert [readings[meter].used for meter in ("interactions", "forms", "sms_credits")] == [3, 5, 4]
        assert engine.past_readings(date(2026, 3, 14), now=now)["interactions"].used == 0
        assert engine.past_readings(date(2026, 3, 15), now=now)["interactions"].used == 3
        assert differences(engine) == []
        rules = EventRules(engine.runtime.registry.event_types, now, None, HOUR, lambda _: True)
        events, _ = check_events(sent_events, rules)
        with engine.database.write() as session:
            rejected = DroppedDays("a digest", "again.csv").reject(session, events)
        assert [one.code for one in rejected] == ["MAYBE_COUNTED", "MAYBE_COUNTED"]


def test_a_cancelled_event_counts_on_no_day(engine: Engine) -> None:
    engine.license()
    events = [sent(3, MORNING - 2 * DAY), sent(12, MORNING - 4 * HOUR, id="wrong")]
    levels = [
        usage_event("forms.level", time=MORNING - 5 * HOUR, value=2),
        usage_event("forms.level", time=MORNING - 4 * HOUR, value=9, id="high"),
        usage_event("users.level", time=MORNING - 4 * HOUR, value=9, id="only"),
    ]
    engine.send(*events, *levels, now=MORNING)
    for id in ("wrong", "high", "only"):
        cancel(engine, f"c-{id}", id, now=MORNING)
    for zone in (LOS_ANGELES, KIRITIMATI, "UTC"):
        engine.license("acme", zone, now=MORNING)
        engine.refresh(now=MORNING)
        readings = engine.readings()
        assert [readings[meter].used for meter in ("interactions", "forms", "users")] == [3, 2, None]
        assert differences(engine) == []


ODD = ("Etc/GMT+12", "America/St_Johns", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", LOS_ANGELES, KIRITIMATI)
ZONES = st.sampled_from(ODD) | st.sampled_from(sorted(time_zones()))
MOMENTS = st.sampled_from(
    [
        datetime(2026, 3, 15, 5, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),  # after Europe's change to summer time
        datetime(2026, 4, 5, 12, tzinfo=UTC),  # after Australia's change to winter time
        datetime(2026, 11, 1, 23, tzinfo=UTC),  # after America's
        datetime(2026, 4, 1, 3, tzinfo=UTC),  # the first day of a month, and the last
        datetime(2027, 1, 1, 10, tzinfo=UTC),  # the first day of a year, and the last
    ]
)
QUARTERS = 6 * 24 * 4
Step = str | list[tuple[str, int, int, str]]
"""A new time zone, or events to send: type, quarters of an hour before now, amount, entity."""
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["interaction.sent", "sms.sent", "profiles.level", "custom_tables.level"]),
        st.integers(0, QUARTERS),
        st.integers(0, 9),
        st.sampled_from(["", "be"]),
    ),
    min_size=1,
    max_size=12,
)
GRANTS = st.lists(st.tuples(st.integers(1, 20), st.integers(1, QUARTERS), st.none() | st.integers(1, 300)), max_size=3)


def _amount(kind: str, amount: int) -> dict[str, Any]:
    return {"value" if kind.endswith(".level") else "quantity": amount}


@examples(20)
@given(
    now=MOMENTS,
    first=ZONES,
    steps=st.lists(ZONES | EVENTS | st.just("refresh"), min_size=1, max_size=6),
    grants=GRANTS,
    months=st.sampled_from([1, 12]),
)
def test_figures_are_those_of_a_license_that_always_had_the_zone(
    engine: Engine,
    now: datetime,
    first: str,
    steps: Sequence[Step],
    grants: Sequence[tuple[int, int, int | None]],
    months: int,
) -> None:
    key, zone, quarter = new_key(), first, timedelta(minutes=15)
    engine.license(
        key, zone, {"profiles": 50}, billing_period=f"P{months}M", effective_from=date(2020, 1, 1), now=now - 30 * DAY
    )
    plain_grants = []
    for number, (amount, begins, lasts) in enumerate(grants):
        begin = now - begins * quarter
        end = begin + lasts * quarter if lasts else None
        plain_grants.append(PlainGrant(f"g{number}", amount, begin, end, None))
        engine.grant(key, f"g{number}", amount, granted_at=begin, expires_at=end, now=begin)
    sent_events: list[dict[str, Any]] = []
    for step in steps:
        if step == "refresh":
            engine.refresh(key, now=now)
        elif isinstance(step, str):
            zone = step
            engine.license(key, zone, now=now)
        else:
            events = [
                usage_event(kind, key, now - ago * quarter, **_amount(kind, amount), entity=entity or None)
                for kind, ago, amount, entity in step
            ]
            engine.send(*events, now=now)
            sent_events += events
    engine.refresh(key, now=now)

    license = PlainLicense(key, zone, date(2026, 1, 1), months, "CONTRACT_DATE", {"profiles": 50})
    meters = ("interactions", "profiles", "custom_tables")

    def expected(day: date) -> list[Fraction | None]:
        found = plain.readings(license, sent_events, day)
        return [found[meter].used for meter in meters]

    def shown(readings: Any) -> list[Fraction | None]:
        return [None if readings[meter].used is None else Fraction(readings[meter].used) for meter in meters]

    today = license.day(now)
    assert shown(engine.readings(key)) == expected(today)
    spent = [
        (event["time"], event["entity"] or "", event["quantity"])
        for event in sent_events
        if event["type"] == "sms.sent"
    ]
    left, overage = burn(plain_grants, spent, zone, now)
    credits = engine.reading("sms_credits", key)
    assert dict(credits.grants) == (left if credits.grants else {})
    if left:
        granted = sum(one.amount for one in plain_grants if one.is_valid(now))
        assert (credits.used or 0) == granted - sum(left.values()) + overage
    assert differences(engine, key) == []
    for ago in (1, 2, 5):
        day = today - ago * DAY
        assert shown(engine.past_readings(day, key, now)) == expected(day)
        end = engine.loaded(key).end_of(day)
        remembered = {at: used for at, used, _ in engine.history("interactions", key)}
        if end in remembered:
            assert Fraction(remembered[end] or 0) == (expected(day)[0] or 0)
