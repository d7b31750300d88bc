"""The time at which a license is due next, and the refresh of what is due."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from allowance import Period

from core.refresh.scope import RefreshScope
from tests.core.refresh.common import DAY, DUE, HOUR, SMALL, sent
from tests.fixtures.engine import NOW, Engine


def test_what_is_not_due_is_left_alone_and_no_version_is_made(engine: Engine) -> None:
    engine.license()
    license_id = engine.id()
    due = RefreshScope(only_due=True)
    assert engine.refresh(scope=due) == {license_id: NOW + DAY}
    before = engine.snapshot()

    assert engine.refresh(now=NOW + HOUR, scope=due) == {license_id: NOW + DAY}
    assert engine.snapshot() == before

    engine.refresh(now=NOW + HOUR, scope=RefreshScope(frozenset({"web"})))
    assert engine.refresh(now=NOW + DAY - timedelta(seconds=59), scope=due) == {license_id: NOW + DAY + HOUR}
    measured = {key: one.measured_at for key, one in engine.readings().items()}
    assert measured["forms"] == NOW + HOUR
    assert measured["users"] == NOW + DAY - timedelta(seconds=59)


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

    engine.refresh(now=due, scope=DUE)

    interactions = engine.reading("interactions")
    assert (interactions.used, interactions.limit) == (Decimal(0), Decimal(49))
    assert interactions.period == Period(date(2026, 3, 16), date(2027, 3, 16), "Asia/Kolkata")
    assert engine.reading("sms_credits").limit == Decimal(0)
