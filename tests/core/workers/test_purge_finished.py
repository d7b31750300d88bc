"""What is over is dropped after a while; what somebody may still want to act on stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from core.access.keys import Scope, create_key, find_caller_of_key
from core.access.tables import AccessSession
from core.administration.create_session import create_session
from core.administration.inputs import SessionInput
from core.delivery.message_kinds import CROSSED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.redeliver import redeliver
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.queue.queue import claim_runs, finish_runs, request_refresh
from core.queue.tables import RefreshRun
from core.workers import purge_finished as module
from core.workers.purge_finished import purge_finished
from tests.fixtures.engine import NOW, Engine

DAY = timedelta(days=1)


def left(engine: Engine, table: type[Any]) -> int:
    with engine.database.read() as session:
        return len(session.exec(select(table)).all())


def told(engine: Engine, license_id: int, at: datetime, status: DeliveryStatus | None) -> None:
    """A message of that time to one recipient, that came to this."""
    with engine.database.write() as session:
        enqueue(
            session,
            [OutboundMessage(license_id, CROSSED, at, AlertsContent())],
            [Recipient(license_id, "email", "a@b.c", frozenset({CROSSED}))],
        )
    if status:
        with engine.database.write() as session:
            claimed = claim_delivery(session, at, timedelta(minutes=1))
        assert claimed
        with engine.database.write() as session:
            record_outcome(session, claimed.delivery, Outcome(status, "said"), at)


@pytest.mark.parametrize("step", [2, 1000])
def test_ended_refreshes_go_after_30_days_and_standing_ones_stay(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(module, "STEP", step)
    license_id = engine.license()
    for number in range(5):
        with engine.database.write() as session:
            request_refresh(session, [license_id], [f"section{number}"], NOW)
    with engine.database.write() as session:
        claim, runs = claim_runs(session, NOW, 10, timedelta(minutes=1))
        finish_runs(session, claim, runs, {}, NOW)
    assert left(engine, RefreshRun) == 6
    purge_finished(engine.database, NOW + 30 * DAY)
    assert left(engine, RefreshRun) == 6
    purge_finished(engine.database, NOW + 31 * DAY)
    assert left(engine, RefreshRun) == 1


@pytest.mark.parametrize("step", [2, 1000])
def test_sessions_go_an_hour_after_their_end(engine: Engine, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(module, "STEP", step)
    engine.license()
    given = SessionInput("acme", (Scope.CONSUMPTION_READ,), minutes=60)
    with engine.database.write() as session:
        key, _ = create_key(session, "portal", [Scope.CONSUMPTION_READ], None, NOW)
        caller = find_caller_of_key(session, key.id)
        for number in range(5):
            row, _ = create_session(session, given, caller, 10)
            row.expires_at = NOW + number * timedelta(microseconds=1)
            session.add(row)
    hour = timedelta(hours=1)
    purge_finished(engine.database, NOW + hour)
    assert left(engine, AccessSession) == 5
    purge_finished(engine.database, NOW + hour + timedelta(microseconds=4))
    assert left(engine, AccessSession) == 1


@pytest.mark.parametrize("step", [2, 1000])
def test_messages_go_with_all_of_their_deliveries(engine: Engine, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(module, "STEP", step)
    license_id = engine.license()
    for _ in range(5):
        told(engine, license_id, NOW, DeliveryStatus.SENT)
    told(engine, license_id, NOW + 50 * DAY, DeliveryStatus.PARKED)
    purge_finished(engine.database, NOW + 91 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (1, 1)
    purge_finished(engine.database, NOW + 141 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (0, 0)


def test_messages_go_after_90_days_unless_one_waits(engine: Engine) -> None:
    license_id = engine.license()
    for status in (DeliveryStatus.SENT, DeliveryStatus.DROPPED, DeliveryStatus.PARKED, None):
        told(engine, license_id, NOW, status)
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], [])
    purge_finished(engine.database, NOW + 90 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (5, 4)
    purge_finished(engine.database, NOW + 91 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (1, 1)


def test_what_was_sent_late_is_kept_as_long_after_that(engine: Engine) -> None:
    told(engine, engine.license(), NOW, DeliveryStatus.PARKED)
    with engine.database.write() as session:
        redeliver(session, session.exec(select(Delivery)).one(), NOW + 100 * DAY)
        claimed = claim_delivery(session, NOW + 100 * DAY, timedelta(minutes=1))
        assert claimed
        record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.SENT, "said"), NOW + 100 * DAY)
    purge_finished(engine.database, NOW + 190 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (1, 1)
    purge_finished(engine.database, NOW + 191 * DAY)
    assert (left(engine, Message), left(engine, Delivery)) == (0, 0)
