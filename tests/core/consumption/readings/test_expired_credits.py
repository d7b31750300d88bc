"""Credits that expire are an alarm only if something was owed or used up what is in force."""

from datetime import timedelta

from sqlmodel import select

from core.alerts.tables import Alert
from core.consumption.readings.status import UsageStatus
from tests.fixtures.engine import NOW, Engine, usage_event

DAY = timedelta(days=1)


def test_credits_that_expired_unused_are_no_alarm(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 100, granted_at=NOW - 9 * DAY, expires_at=NOW + DAY, now=NOW - 9 * DAY)
    engine.refresh()
    assert engine.reading("sms_credits").status is UsageStatus.OK
    engine.refresh(now=NOW + 2 * DAY)
    reading = engine.reading("sms_credits")
    assert (reading.status, reading.used) == (UsageStatus.OK, 0)
    assert not any(one.crossed_at for one in reading.thresholds)
    with engine.database.read() as session:
        assert session.exec(select(Alert)).all() == []


def test_credits_that_were_used_up_and_expired_are_no_alarm_once_nothing_is_in_force(engine: Engine) -> None:
    """Used was all paid for; nothing is in force any more and nothing is owed."""
    engine.license()
    engine.grant("acme", "g", 100, granted_at=NOW - 9 * DAY, expires_at=NOW + DAY, now=NOW - 9 * DAY)
    engine.send(usage_event("sms.sent", time=NOW - 2 * DAY, quantity=100))
    engine.refresh()
    assert engine.reading("sms_credits").status is UsageStatus.EXCEEDED
    engine.refresh(now=NOW + 2 * DAY)
    assert engine.reading("sms_credits").status is UsageStatus.OK


def test_what_no_grant_paid_for_is_an_alarm_also_with_nothing_in_force(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "g", 100, granted_at=NOW - 9 * DAY, expires_at=NOW - DAY, now=NOW - 9 * DAY)
    engine.send(usage_event("sms.sent", quantity=1))
    engine.refresh()
    assert engine.reading("sms_credits").status is UsageStatus.EXCEEDED
