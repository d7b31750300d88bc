"""The refresh: what it measures, what it keeps, and what it leaves alone."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allowance import Period
from sqlmodel import select

from core.consumption.intervals import Interval
from core.consumption.readings.judged_reading import Problem, ReadingShare, Threshold
from core.consumption.readings.status import UsageStatus
from core.consumption.thinning import HistoryRetention
from core.plugins.host import load_plugins
from core.refresh.choose_meters import HISTORY
from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from core.usage.tables import LateUsage
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import GOOD, TOO_LARGE

OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
TODAY = NOW.date()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
INSTANT = timedelta(microseconds=1)
SMALL = {"profiles": 100, "interactions_per_profile": 10}


def end_of(day: date) -> datetime:
    """The last instant of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY - INSTANT


def days_ago(number: int) -> date:
    return TODAY - number * DAY


def sent(quantity: float, time: datetime = NOW, **fields: Any) -> dict[str, Any]:
    return usage_event("interaction.sent", time=time, quantity=quantity, **fields)


@pytest.fixture
def flaky(engine: Engine) -> Engine:
    """The engine with a partner's plugin installed whose meter fails at will."""
    partner = EntryPoint("flaky", "tests.fixtures.flaky", "allowance")
    registry = load_plugins([*entry_points(group="allowance"), partner])
    assert registry.meters["flaky"].section == "web"
    return Engine(replace(engine.runtime, registry=registry))


def test_a_license_that_was_never_refreshed_has_an_empty_snapshot(engine: Engine) -> None:
    engine.license()
    snapshot = engine.snapshot()
    assert (snapshot.version, snapshot.severity, snapshot.readings) == (0, 2, {})


def test_all_meters_read_what_was_used_against_what_the_contract_allows(engine: Engine) -> None:
    terms = {
        "profiles": 1000,
        "interactions_per_profile": 12,
        "custom_tables": 5,
        "goal_interactions_per_profile": 3,
        "forms": 10,
        "daily_exports": 0,
        "sending_domains": 4,
        "users": 25,
        "retention_months": 13,
    }
    engine.license("acme", "Europe/Brussels", terms, at_risk={"users": "0.96"})
    engine.grant("acme", "g", 100, expires_at=NOW + DAY)
    engine.send(
        sent(9600, entity="be", dimensions={"channel": "print"}),
        sent(0.5, dimensions={"channel": "social"}),
        usage_event("sms.sent", quantity=100, entity="be"),
        usage_event("profiles.level", value=300, entity="be"),
        usage_event("profiles.level", value=500, entity="nl"),
        usage_event("custom_tables.level", value=4, dimensions={"type": "repository"}),
        usage_event("custom_tables.level", value=2, dimensions={"type": "linked_data"}),
        usage_event("goal.triggered", quantity=1000),
        usage_event("forms.level", value=10),
        usage_event("daily_exports.level", value=0, dimensions={"type": "out_flow"}),
        usage_event("sending_domains.level", value=5, dimensions={"type": "standard"}),
        usage_event("users.level", value=24),
        usage_event("scenarios.level", value=7),
    )
    engine.refresh()

    found = {key: (one.used, one.limit, one.status) for key, one in engine.readings().items()}
    assert found == {
        "interactions": (Decimal("9600.5"), Decimal(12000), AT_RISK),
        "sms_credits": (Decimal(100), Decimal(100), EXCEEDED),
        "profiles": (Decimal(800), Decimal(1000), AT_RISK),
        "profile_tables": (None, None, UNKNOWN),
        "custom_tables": (Decimal(6), Decimal(5), EXCEEDED),
        "subscriptions": (None, None, UNKNOWN),
        "goal_interactions": (Decimal("1.25"), Decimal(3), OK),
        "website_goals": (None, None, UNKNOWN),
        "transactional_goals": (None, None, UNKNOWN),
        "forms": (Decimal(10), Decimal(10), OK),
        "scenarios": (Decimal(7), None, OK),
        "segmentation_rules": (None, None, UNKNOWN),
        "daily_exports": (Decimal(0), Decimal(0), OK),
        "newsletters": (None, None, UNKNOWN),
        "users": (Decimal(24), Decimal(25), AT_RISK),
        "api_users": (None, None, UNKNOWN),
        "sending_domains": (Decimal(5), Decimal(4), EXCEEDED),
        "entities": (None, None, UNKNOWN),
        "retention": (None, Decimal(13), OK),
        "active_installations": (Decimal(0), None, OK),
    }
    interactions = engine.reading("interactions")
    assert interactions.basis == "1,000 profiles × 12 interactions per profile"
    assert interactions.period == Period(date(2026, 1, 1), date(2027, 1, 1), "Europe/Brussels")
    assert interactions.shares == (
        ReadingShare("channel", "marketing_email", "Marketing e-mails", Decimal(0), None),
        ReadingShare("channel", "transactional_email", "Transactional e-mails", Decimal(0), None),
        ReadingShare("channel", "print", "Print campaigns", Decimal(9600), None),
        ReadingShare("channel", "social", "Social campaigns", Decimal("0.5"), None),
        ReadingShare("channel", "call_center", "Call centre campaigns", Decimal(0), None),
    )
    assert interactions.thresholds == (
        Threshold(Decimal("0.8"), Decimal(9600), AT_RISK, NOW),
        Threshold(Decimal(1), Decimal(12000), EXCEEDED, None),
    )
    assert interactions.measured_at == NOW
    assert engine.reading("sms_credits").grants == {"g": Decimal(0)}
    assert engine.snapshot().severity == 4  # the worst of them


def test_each_refresh_is_a_version_of_the_whole_snapshot(engine: Engine) -> None:
    engine.license()
    for number in range(1, 4):
        engine.refresh(now=NOW + number * HOUR)
        assert engine.snapshot().version == number
        assert {one.measured_at for one in engine.readings().values()} == {NOW + number * HOUR}


def test_of_named_sections_only_their_meters_are_measured(engine: Engine) -> None:
    engine.license()
    engine.refresh()
    engine.send(usage_event("forms.level", value=5), usage_event("users.level", value=5))
    engine.refresh(now=NOW + HOUR, wanted=RefreshScope(frozenset({"web", "sms"})))

    measured = {key: one.measured_at for key, one in engine.readings().items()}
    assert {key for key, at in measured.items() if at == NOW + HOUR} == {
        "sms_credits",
        "goal_interactions",
        "website_goals",
        "transactional_goals",
        "forms",
    }
    assert (engine.reading("forms").used, engine.reading("users").used) == (Decimal(5), None)
    assert engine.snapshot().version == 2


def test_what_is_not_due_is_left_alone_and_no_version_is_made(engine: Engine) -> None:
    engine.license()
    license_id = engine.id()
    due = RefreshScope(only_due=True)
    assert engine.refresh(wanted=due) == {license_id: NOW + DAY}
    before = engine.snapshot()

    assert engine.refresh(now=NOW + HOUR, wanted=due) == {license_id: NOW + DAY}
    assert engine.snapshot() == before

    engine.refresh(now=NOW + HOUR, wanted=RefreshScope(frozenset({"web"})))
    assert engine.refresh(now=NOW + DAY - timedelta(seconds=59), wanted=due) == {license_id: NOW + DAY + HOUR}
    measured = {key: one.measured_at for key, one in engine.readings().items()}
    assert measured["forms"] == NOW + HOUR
    assert measured["users"] == NOW + DAY - timedelta(seconds=59)


ALL, DUE = RefreshScope(), RefreshScope(only_due=True)
WEB, SMS = RefreshScope(frozenset({"web"})), RefreshScope(frozenset({"sms"}))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ALL, ALL, ALL),
        (DUE, DUE, DUE),
        (WEB, WEB, WEB),
        (WEB, SMS, RefreshScope(frozenset({"web", "sms"}))),
        (ALL, WEB, ALL),
        (DUE, ALL, ALL),
        (DUE, WEB, ALL),
    ],
)
def test_what_was_asked_for_twice_is_done_once_for_both(
    one: RefreshScope, other: RefreshScope, both: RefreshScope
) -> None:
    assert one.merge(other) == both
    assert other.merge(one) == both


def test_the_next_update_is_a_day_later_unless_something_turns_before(engine: Engine) -> None:
    engine.license("plain")
    engine.license("period", "Asia/Kolkata", SMALL, starts_on=date(2025, 3, 16))
    engine.license("contract", "America/New_York", SMALL)
    engine.contract("contract", SMALL, effective_from=date(2026, 3, 16))
    engine.license("grant")
    engine.grant("grant", "soon", 1, expires_at=NOW + HOUR)
    engine.grant("grant", "past", 1, granted_at=NOW - DAY, expires_at=NOW)
    engine.license("begins")
    engine.grant("begins", "later", 1, granted_at=NOW + 2 * HOUR)

    due = engine.refresh("plain", "period", "contract", "grant", "begins")

    expected = {
        "plain": NOW + DAY,
        "period": datetime(2026, 3, 15, 18, 30, tzinfo=UTC),
        "contract": datetime(2026, 3, 16, 4, tzinfo=UTC),
        "grant": NOW + HOUR,
        "begins": NOW + 2 * HOUR,
    }
    assert due == {engine.id(key): at for key, at in expected.items()}
    for key, at in expected.items():
        assert {one.due_at for one in engine.readings(key).values()} == {at}


def test_at_the_next_update_the_period_the_contract_and_the_grant_are_the_new_ones(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL, starts_on=date(2025, 3, 16))
    engine.grant("acme", "soon", 5, expires_at=datetime(2026, 3, 15, 18, 30, tzinfo=UTC))
    new = {"profiles": 7, "interactions_per_profile": 7}
    engine.contract("acme", new, effective_from=date(2026, 3, 16), starts_on=date(2026, 3, 16))
    engine.send(sent(500))
    due = engine.refresh()[engine.id()]
    assert (engine.reading("interactions").used, engine.reading("sms_credits").limit) == (Decimal(500), Decimal(5))

    engine.refresh(now=due, wanted=DUE)

    interactions = engine.reading("interactions")
    assert (interactions.used, interactions.limit) == (Decimal(0), Decimal(49))
    assert interactions.period == Period(date(2026, 3, 16), date(2027, 3, 16), "Asia/Kolkata")
    assert engine.reading("sms_credits").limit == Decimal(0)


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
    flaky.refresh(now=NOW + 3 * HOUR, wanted=DUE)
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


def test_a_meter_that_is_not_installed_any_more_leaves_the_snapshot(flaky: Engine, engine: Engine) -> None:
    flaky.license("acme", "UTC", GOOD)
    flaky.refresh()
    assert "flaky" in flaky.readings()
    engine.refresh(now=NOW + HOUR)
    assert "flaky" not in engine.readings()
    assert engine.readings().keys() == engine.runtime.registry.meters.keys()


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


def test_a_contract_whose_periods_begin_elsewhere_counts_its_own_periods(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, billing_period="P1M", effective_from=date(2025, 1, 1))
    engine.backfill(*(sent(1, NOW - number * DAY) for number in range(5, 205)), now=NOW - 5 * DAY)
    engine.refresh(now=NOW - 5 * DAY)
    engine.contract("acme", SMALL, effective_from=days_ago(2), starts_on=date(2025, 9, 1), now=NOW - 5 * DAY)
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


def test_late_usage_writes_history_again_from_its_day_on(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    for ago in (5, 4, 3, 2, 1):
        engine.send(sent(100, NOW - ago * DAY), now=NOW - ago * DAY)
        engine.refresh(now=NOW - ago * DAY)
    engine.refresh(now=NOW - HOUR)
    assert len(engine.points("interactions")) == 5 + 5 + 1

    engine.send(sent(350, NOW - 3 * DAY))
    engine.refresh()

    noon = [NOW - ago * DAY for ago in (5, 4)]
    ends = [end_of(days_ago(ago)) for ago in (5, 4, 3, 2, 1)]
    assert engine.points("interactions") == sorted([*noon, *ends, NOW - HOUR, NOW])
    assert engine.history("interactions") == [
        (ends[0], Decimal(100), "OK"),
        (ends[1], Decimal(200), "OK"),
        (ends[2], Decimal(650), "OK"),
        (ends[3], Decimal(750), "OK"),
        (ends[4], Decimal(850), "AT_RISK"),
        (NOW, Decimal(850), "AT_RISK"),
    ]


def test_late_levels_stand_until_the_next_report_of_their_own_time(engine: Engine) -> None:
    engine.license("acme", "UTC")
    engine.send(usage_event("forms.level", time=NOW - 5 * DAY, value=5), now=NOW - 5 * DAY)
    engine.refresh(now=NOW - 5 * DAY)
    engine.send(usage_event("forms.level", time=NOW - 2 * DAY, value=2), now=NOW - 2 * DAY)
    engine.refresh(now=NOW - HOUR)
    engine.send(usage_event("forms.level", time=NOW - 4 * DAY, value=4))
    engine.refresh()
    assert [(at, used) for at, used, _ in engine.history("forms")] == [
        (end_of(days_ago(5)), Decimal(5)),
        (end_of(days_ago(4)), Decimal(4)),
        (end_of(days_ago(3)), Decimal(4)),
        (end_of(days_ago(2)), Decimal(2)),
        (end_of(days_ago(1)), Decimal(2)),
        (NOW, Decimal(2)),
    ]


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


def test_late_usage_counts_from_then_on_also_where_contracts_with_other_periods_met(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL, effective_from=date(2025, 1, 1), starts_on=date(2025, 1, 1))
    engine.contract("acme", SMALL, effective_from=date(2026, 3, 12), starts_on=date(2026, 3, 1))
    engine.send(sent(1, NOW - 9 * DAY))
    engine.refresh()
    engine.send(sent(10, NOW - 5 * DAY))  # under the first contract, in the period of the second
    for hours in (1, 2, 30):
        engine.refresh(now=NOW + hours * HOUR)
        assert engine.reading("interactions").used == Decimal(11)


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


def test_of_an_hour_the_last_refresh_is_left_with_all_that_the_others_said(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL)  # 17:30 there: hours end at the half
    minute = timedelta(minutes=1)
    for number in (0, 29, 30, 40, 50):
        engine.send(sent(1, NOW + number * minute), now=NOW + number * minute)
        engine.refresh(now=NOW + number * minute)
    engine.refresh(now=NOW + 55 * minute, wanted=WEB)

    assert engine.points("interactions") == [NOW + 29 * minute, NOW + 50 * minute]
    assert engine.points("forms") == [NOW + 29 * minute, NOW + 55 * minute]
    assert engine.history("interactions", interval=Interval.HOUR) == [
        (NOW + 29 * minute, Decimal(2), "OK"),
        (NOW + 50 * minute, Decimal(5), "OK"),
    ]


def test_history_is_thinned_to_the_ends_of_days_and_then_of_months(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL, effective_from=date(2020, 1, 1))
    keeping, hours = HistoryRetention(hourly=3, daily=31), 12
    for number in range(0, 80 * 24, hours):
        engine.refresh(now=NOW + number * HOUR, keeping=keeping)
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


def late_marks(engine: Engine) -> Collection[tuple[int, date]]:
    with engine.database.read() as session:
        return {(row.license_id, row.since) for row in session.exec(select(LateUsage))}


def test_a_section_alone_is_refreshed_with_all_others_where_usage_came_in_late(engine: Engine) -> None:
    engine.license()
    engine.send(sent(5, NOW - DAY), usage_event("forms.level", time=NOW - DAY, value=1))
    assert late_marks(engine) == {(engine.id(), days_ago(1))}
    engine.refresh(wanted=WEB)
    assert engine.history("interactions") == [(end_of(days_ago(1)), Decimal(5), "OK"), (NOW, Decimal(5), "OK")]
    assert late_marks(engine) == set()


def test_late_usage_costs_a_meter_that_fails_none_of_its_history(flaky: Engine) -> None:
    flaky.license("acme", "UTC", GOOD)
    flaky.send(usage_event("flaky.happened", time=NOW - 3 * DAY, quantity=3), now=NOW - 3 * DAY)
    flaky.refresh(now=NOW - 3 * DAY)
    flaky.refresh(now=NOW - DAY)
    known = flaky.history("flaky")
    assert len(known) == 3

    flaky.contract("acme", TOO_LARGE, effective_from=days_ago(2), now=NOW - DAY)
    flaky.send(usage_event("forms.level", time=NOW - 3 * DAY, value=7))
    flaky.refresh()

    assert flaky.history("flaky")[:2] == known[:2]
    assert flaky.history("flaky")[2] == known[2]
    assert [used for _, used, _ in flaky.history("forms")] == [7, 7, 7, 7]


def test_history_is_written_again_for_three_years_at_the_most(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata", SMALL, effective_from=date(2000, 1, 1))
    engine.backfill(sent(1, datetime(2010, 1, 1, tzinfo=UTC)), sent(2, NOW - 100 * DAY))
    with engine.database.read() as session:
        plan = plan_refresh(session, {engine.id(): ALL}, engine.runtime.registry, NOW)
    assert min(moment.at for moment in plan.moments) == datetime(2023, 3, 11, 18, 30, tzinfo=UTC) - INSTANT
    assert len({moment.at for moment in plan.moments}) == HISTORY.days + 1


class HeldUp:
    """A refresh that planned and measured, and is held up before it saves."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine, self._registry = engine, engine.runtime.registry
        with engine.database.read() as session:
            self._plan = plan_refresh(session, {engine.id(): ALL}, self._registry, now)
        self._answers = engine.runtime.measurer.measure(self._plan.questions)

    def save(self) -> None:
        with self._engine.database.write() as session:
            save_refresh(session, self._plan, self._answers, self._registry)


def test_a_refresh_that_was_held_up_does_not_undo_a_later_one(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100, NOW - DAY))
    slow = HeldUp(engine, NOW)
    engine.send(sent(900, NOW - DAY), now=NOW + HOUR)
    engine.refresh(now=NOW + HOUR)
    saved = engine.snapshot()

    slow.save()

    assert engine.snapshot() == saved
    assert engine.history("interactions") == [
        (end_of(days_ago(1)), Decimal(1000), "AT_RISK"),
        (NOW + HOUR, Decimal(1000), "AT_RISK"),
    ]


def test_what_comes_in_late_while_a_refresh_runs_is_not_forgotten(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100, NOW - 2 * DAY))
    running = HeldUp(engine, NOW)
    engine.send(sent(10, NOW - DAY), now=NOW + timedelta(seconds=1))
    running.save()
    assert late_marks(engine) == {(engine.id(), days_ago(2))}

    engine.refresh(now=NOW + HOUR)
    assert late_marks(engine) == set()
    assert [used for _, used, _ in engine.history("interactions")] == [100, 110, 110]


def test_a_mark_that_another_refresh_saw_first_is_not_forgotten_for_what_came_after(engine: Engine) -> None:
    engine.license("acme", "UTC", SMALL)
    engine.send(sent(100, NOW - 2 * DAY))
    first, second = HeldUp(engine, NOW), HeldUp(engine, NOW + HOUR)
    first.save()
    assert late_marks(engine) == set()
    engine.send(sent(10, NOW - 2 * DAY), now=NOW + HOUR)
    second.save()
    assert late_marks(engine) == {(engine.id(), days_ago(2))}

    engine.refresh(now=NOW + 2 * HOUR)
    assert [used for _, used, _ in engine.history("interactions")] == [110, 110, 110]


def test_refreshes_at_once_leave_whole_snapshots_each_with_a_version_of_its_own(engine: Engine) -> None:
    for key in ("acme", "globex", "umbrella"):
        engine.license(key, "UTC", SMALL)
    start = Barrier(6)
    orders = [("acme", "globex", "umbrella"), ("umbrella", "globex", "acme")]

    def refresh(worker: int) -> None:
        start.wait()
        for number in range(4):
            now = NOW + timedelta(seconds=worker * 4 + number)
            engine.send(sent(1), usage_event("interaction.sent", "umbrella", quantity=1), now=now)
            engine.refresh(*orders[worker % 2], now=now)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(refresh, range(6)))
    engine.refresh("acme", "globex", "umbrella", now=NOW + HOUR)

    assert [engine.reading("interactions", key).used for key in ("acme", "globex", "umbrella")] == [24, 0, 24]
    for key in ("acme", "globex", "umbrella"):
        # Of an hour its last refresh is left; what was outdone by a later one made no version.
        assert engine.points("interactions", key)[-1] == NOW + HOUR
        assert 1 < engine.snapshot(key).version <= 25
        assert len({one.measured_at for one in engine.readings(key).values()}) == 1
