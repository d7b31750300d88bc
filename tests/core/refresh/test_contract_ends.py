"""The refresh on the days on which contracts end."""

from datetime import UTC, date, datetime, timedelta

from sqlmodel import select

from core.alerts.tables import Alert
from core.consumption.readings.status import UsageStatus
from tests.core.refresh.common import INSTANT
from tests.fixtures.engine import NOW, Engine, usage_event

HOUR = timedelta(hours=1)
LAST = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=UTC)


def open_alerts(engine: Engine) -> list[str]:
    with engine.database.read() as session:
        alerts = session.exec(select(Alert).where(Alert.recovered_at == None)).all()  # noqa: E711
        return sorted({alert.meter for alert in alerts})


def test_the_alerts_of_limits_that_ended_close_and_no_new_one_opens(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, ends_on=LAST)
    engine.send(usage_event("forms.level", value=9))
    engine.refresh()
    due = engine.refresh(now=END - INSTANT)
    assert open_alerts(engine) == ["forms"]
    assert due == {engine.id(): END}
    engine.refresh(now=END)
    assert open_alerts(engine) == []
    forms = engine.reading("forms")
    assert (forms.used, forms.limit, forms.thresholds, forms.crossed) == (9, None, (), None)
    engine.send(usage_event("forms.level", value=99, time=END), now=END)
    engine.refresh(now=END + HOUR)
    assert engine.reading("forms").used == 99
    assert open_alerts(engine) == []


def test_credits_are_held_against_their_grants_with_a_contract_or_without(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, ends_on=LAST)
    engine.grant("acme", "g", 5)
    engine.send(usage_event("sms.sent", quantity=9))
    engine.refresh()
    engine.refresh(now=END)
    reading = engine.reading("sms_credits")
    assert (reading.used, reading.limit, reading.status) == (9, 5, UsageStatus.EXCEEDED)
    assert open_alerts(engine) == ["sms_credits"]


def test_a_limit_that_comes_back_opens_its_alert_again(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, ends_on=LAST)
    engine.send(usage_event("forms.level", value=9))
    engine.refresh()
    engine.refresh(now=END)
    engine.contract("acme", {"forms": 5}, effective_from=date(2026, 4, 2), now=END)
    engine.refresh(now=END + 24 * HOUR)
    assert open_alerts(engine) == ["forms"]
    assert engine.reading("forms").status is UsageStatus.EXCEEDED


def test_what_crosses_in_the_last_minute_of_a_contract_alerts_after_its_end(engine: Engine) -> None:
    engine.license(terms={"profiles": 10, "interactions_per_profile": 10}, ends_on=LAST)
    engine.refresh(now=END - 3 * HOUR)
    engine.send(usage_event("interaction.sent", time=END - INSTANT, quantity=500), now=END - INSTANT)
    engine.refresh(now=END + HOUR)
    with engine.database.read() as session:
        alerts = session.exec(select(Alert)).all()
    assert {(one.period_first, one.period_end, one.recovered_at) for one in alerts} == {
        (date(2026, 1, 1), date(2026, 4, 1), END + HOUR)
    }
    assert engine.reading("interactions").used == 0
    assert engine.past_readings(LAST, now=END + HOUR)["interactions"].used == 500


def test_an_end_that_is_agreed_later_keeps_the_times_of_crossings(engine: Engine) -> None:
    engine.license(terms={"profiles": 10, "interactions_per_profile": 10})
    engine.send(usage_event("interaction.sent", quantity=500))
    engine.refresh()
    engine.contract("acme", {"profiles": 10, "interactions_per_profile": 10}, ends_on=LAST, now=NOW + HOUR)
    engine.refresh(now=NOW + HOUR)
    reading = engine.reading("interactions")
    assert {threshold.crossed_at for threshold in reading.thresholds} == {NOW}
    assert reading.period
    assert reading.period.end == date(2026, 4, 1)


def test_history_is_measured_again_from_a_contract_that_turns_out_to_have_ended(engine: Engine) -> None:
    engine.license(terms={"forms": 5}, effective_from=date(2026, 3, 1))
    engine.send(*(usage_event("forms.level", value=9, time=NOW - timedelta(days=days)) for days in (0, 10)))
    engine.refresh(now=NOW - timedelta(days=9))
    engine.refresh()
    engine.contract("acme", {"forms": 5}, effective_from=date(2026, 3, 1), ends_on=date(2026, 3, 10), now=NOW)
    engine.refresh()
    by_day = {at.date(): status for at, _, status in engine.history("forms")}
    assert by_day[date(2026, 3, 10)] == "EXCEEDED"
    assert by_day[date(2026, 3, 11)] != "EXCEEDED"
    assert open_alerts(engine) == []
