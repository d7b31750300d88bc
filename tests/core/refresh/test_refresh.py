"""The refresh of licenses: whole snapshots, of the meters that are wanted, also with several workers at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

from allowance import Period

from core.consumption.readings.judged_reading import ReadingShare, Threshold
from core.refresh.scope import RefreshScope
from tests.core.refresh.common import AT_RISK, DAY, EXCEEDED, HOUR, OK, SMALL, UNKNOWN, days_ago, end_of, sent
from tests.core.refresh.held_up import HeldUp
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.fixtures.flaky import GOOD


def test_a_license_that_was_never_refreshed_has_an_empty_snapshot(engine: Engine) -> None:
    engine.license()
    snapshot = engine.snapshot()
    assert (snapshot.version, engine.overview().severity, snapshot.readings) == (0, 2, {})


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
    assert engine.overview().severity == 4  # the worst of them


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
    engine.refresh(now=NOW + HOUR, scope=RefreshScope(frozenset({"web", "sms"})))

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


def test_a_meter_that_is_not_installed_any_more_leaves_the_snapshot(flaky: Engine, engine: Engine) -> None:
    flaky.license("acme", "UTC", GOOD)
    flaky.refresh()
    assert "flaky" in flaky.readings()
    engine.refresh(now=NOW + HOUR)
    assert "flaky" not in engine.readings()
    assert engine.readings().keys() == engine.runtime.registry.meters.keys()


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
