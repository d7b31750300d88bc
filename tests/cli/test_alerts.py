"""Alerts and their deliveries on the command line."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from core.administration.inputs import AdminInput, LicenseInput
from core.administration.put_license import put_license
from core.alerts.crossings import Crossing, MeterCrossings, record_crossings
from core.alerts.forecasts import MeterForecast, WatchedMeter, record_forecasts
from core.alerts.notified import record_notified
from core.alerts.tables import Alert
from core.database.engine import Database
from core.delivery.message_kinds import RECOVERED, TEST
from core.delivery.messages import WebhookTestContent
from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.forecast.forecast import Exceeding
from core.licenses.tables import id_of
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def alert(database: Database) -> str:
    """The id of an alert of which an admin's mailbox was told, and does not exist."""
    with database.write() as session:
        license_id = id_of(
            put_license(session, LicenseInput("acme", "Acme", admins=(AdminInput("a@example.com"),)), AT)
        )
        crossing = Crossing(
            license_id, "forms", date(2026, 1, 1), date(2027, 1, 1), Decimal(1), Decimal(5), "5 forms", 1, Decimal(6),
            "EXCEEDED", AT,
        )  # fmt: skip
        record_crossings(session, [MeterCrossings(license_id, "forms", (crossing,))], AT)
    with database.write() as session:
        claimed = claim_delivery(session, AT, timedelta(minutes=2))
    assert claimed
    with database.write() as session:
        record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.PARKED, "550 no such mailbox"), AT)
        return session.exec(select(Alert.id)).one()


def test_alerts_are_listed_and_shown_with_what_became_of_them(run: Run, alert: str) -> None:
    listed = run("alerts", "list")
    for part in (alert[:12], "acme", "forms", "100%", "EXCEEDED", "2026-03-15 12:00"):
        assert part in listed.out
    assert alert[:12] in run("alerts", "list", "--open", "--license", "acme").out
    shown = run("alerts", "show", alert[:8]).out
    assert "acme: forms crossed 100% of 5 (5 forms) at 6" in shown
    for part in ("threshold.crossed", "email", "a@example.com", "PARKED", "550 no such mailbox"):
        assert part in shown


def test_what_is_parked_is_sent_again_by_hand(run: Run, alert: str) -> None:
    assert run("outbox").out.startswith("pending: 0\nfailed: 0\nsent: 0\nparked: 1\ndropped: 0\n")
    assert "550 no such mailbox" in run("outbox").out
    assert run("alerts", "redeliver", alert).out == "Deliveries sent again: 1.\n"
    waiting = run("outbox").out
    assert waiting.startswith("pending: 0\nfailed: 1\nsent: 0\nparked: 0\ndropped: 0\n")
    assert "550 no such mailbox" in waiting  # what was said last, until something else is
    assert run("alerts", "redeliver", alert).out == "Nothing of it is parked. On their way already: 1.\n"


def test_what_failed_once_and_is_tried_again_is_shown_with_what_was_said(
    run: Run, database: Database, alert: str
) -> None:
    run("alerts", "redeliver", alert)
    with database.write() as session:
        claimed = claim_delivery(session, datetime.now(UTC), timedelta(minutes=2))
    assert claimed
    assert run("outbox").out.startswith("pending: 0\nfailed: 1\nsent: 0\nparked: 0\ndropped: 0\n")
    with database.write() as session:
        record_outcome(session, claimed.delivery, Outcome(None, "450 mailbox busy"), datetime.now(UTC))
    shown = run("outbox").out
    assert "450 mailbox busy" in shown
    assert "550 no such mailbox" not in shown


def test_a_ratio_is_shown_whole(run: Run, database: Database, alert: str) -> None:
    with database.write() as session:
        session.exec(select(Alert)).one().ratio = Decimal("0.925")
    assert "92.5%" in run("alerts", "list").out
    assert "forms crossed 92.5% of 5" in run("alerts", "show", alert).out


def test_what_was_told_of_a_recovery_is_shown_also_when_it_is_open_again(run: Run, database: Database) -> None:
    with database.write() as session:
        license_id = id_of(
            put_license(session, LicenseInput("acme", "Acme", admins=(AdminInput("a@example.com"),)), AT)
        )
        period = date(2026, 1, 1), date(2027, 1, 1)
        crossing = Crossing(
            license_id, "forms", *period, Decimal(1), Decimal(5), "5 forms", 1, Decimal(6), "EXCEEDED", AT
        )
        crossed = MeterCrossings(license_id, "forms", (crossing,))
        record_crossings(session, [crossed], AT)
        record_crossings(session, [MeterCrossings(license_id, "forms", ())], AT + timedelta(hours=1))
        [recovery] = session.exec(select(Message).where(Message.kind == RECOVERED))
        webhook = Delivery(
            license_id=license_id, id="d", message_id=recovery.id, channel="chat", recipient="r", due_at=AT,
            created_at=recovery.occurred_at,
        )  # fmt: skip
        session.add(webhook)
        record_crossings(session, [crossed], AT + timedelta(hours=2))
        alert = session.exec(select(Alert)).one()
        assert alert.recovered_at is None
    assert "threshold.recovered" in run("alerts", "show", alert.id).out


def test_a_message_that_lists_no_alerts_tells_of_none(run: Run, database: Database, alert: str) -> None:
    with database.write() as session:
        license_id = session.exec(select(Alert.license_id)).one()
        test = OutboundMessage(license_id, TEST, AT + timedelta(hours=1), WebhookTestContent("platform"))
        enqueue(session, [test], [Recipient(license_id, "webhook", "platform.1", frozenset({TEST}))])
    shown = run("alerts", "show", alert)
    assert (shown.code, "threshold.crossed" in shown.out, TEST in shown.out) == (0, True, False)


@pytest.mark.parametrize("unknown", ["nothing", "%", "''"])
def test_an_alert_that_is_not_there_is_said_so(run: Run, alert: str, unknown: str) -> None:
    refused = run("alerts", "show", unknown)
    assert (refused.code, refused.out) == (1, "")
    assert "'allowance alerts list' names them." in refused.err
    assert run("alerts", "list", "--license", "acne").err == "No license 'acne'. Did you mean 'acme'?\n"


def test_a_forecast_is_listed_and_shown_beside_thresholds(run: Run, database: Database, alert: str) -> None:
    with database.write() as session:
        license_id = session.exec(select(Alert.license_id)).one()
        forecast = MeterForecast(
            day=AT.date(), end=date(2027, 1, 1), limit=Decimal(100), basis="100 scenarios", contract_version=1,
            used=Decimal(50), status="OK", is_exceeded=False, exceeds=True, expected=Decimal(110), low=Decimal(105),
            high=Decimal(130), exceeding=Exceeding(AT + timedelta(days=200)),
        )  # fmt: skip
        meter = WatchedMeter(license_id, "scenarios", date(2026, 1, 1), (Decimal(1),), forecast)
        record_forecasts(session, [meter], AT + timedelta(hours=1))

    newest, oldest = json.loads(run("alerts", "list", "--json").out)
    assert oldest["id"] == alert
    assert (oldest["kind"], oldest["expected"], oldest["exceedsAt"]) == ("THRESHOLD", None, None)
    assert (newest["kind"], newest["meter"], newest["notifiedAt"]) == ("FORECAST", "scenarios", None)
    assert (newest["used"], newest["limit"], newest["expected"]) == (50, 100, 110)
    assert newest["exceedsAt"].startswith("2026-10-01T12:00")
    shown = run("alerts", "show", newest["id"][:12]).out
    assert "acme: scenarios is forecast to reach 100% of 100 (100 scenarios) with 110, 2026-10-01 12:00 UTC" in shown
    for part in ("found 2026-03-15 13:00 UTC", "notified nobody", "forecast.crossed", "a@example.com", "PENDING"):
        assert part in shown

    with database.write() as session:
        claimed = claim_delivery(session, datetime.now(UTC), timedelta(minutes=2))
        assert claimed
        record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.SENT, "taken"), AT)
        record_notified(session, claimed)
    [newest, _] = json.loads(run("alerts", "list", "--json", "--open", "--license", "acme").out)
    assert newest["notifiedAt"] is not None
