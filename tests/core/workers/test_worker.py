"""A worker inside the process: it takes what is announced, and what nobody announced."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import col, select, update

from core.administration.inputs import AdminInput
from core.alerts.tables import Alert
from core.delivery.channels import CHANNELS
from core.delivery.mail import smtp
from core.delivery.outbox.tables import Delivery
from core.delivery.webhooks.endpoints import EndpointInput, put_endpoint
from core.workers.worker import DELIVERY_THREADS, Worker, _filters
from tests.core.delivery.webhooks.receiver import receiving
from tests.fixtures.engine import NOW, Engine, usage_event


def with_settings(engine: Engine, **settings: float | str) -> Engine:
    changed = engine.runtime.settings.model_copy(update=settings)
    return Engine(replace(engine.runtime, settings=changed))


def soon(happened: Callable[[], bool]) -> bool:
    """Whether it has happened within ten seconds."""
    for _ in range(1000):
        if happened():
            return True
        time.sleep(0.01)
    return False


def test_every_channel_of_deliveries_is_sent_by_a_thread(engine: Engine) -> None:
    assert {wanted.channel for wanted in _filters(engine.runtime.registry.notifiers)} == set(CHANNELS)
    with Worker(engine.runtime) as worker:
        assert worker._channels.keys() == set(CHANNELS)


def test_what_is_announced_is_taken_at_once(engine: Engine) -> None:
    engine = with_settings(engine, sweep_seconds=3600)
    with Worker(engine.runtime) as worker:
        time.sleep(0.3)  # it has looked for itself by now
        engine.license()
        worker.announcer.announce()
        assert soon(lambda: engine.snapshot().version == 1)


def test_what_nobody_announced_is_found(engine: Engine) -> None:
    engine = with_settings(engine, sweep_seconds=0.05)
    with Worker(engine.runtime):
        time.sleep(0.1)
        engine.license()
        assert soon(lambda: engine.snapshot().version == 1)


def test_at_its_end_it_finishes_what_it_has_and_takes_nothing_more(engine: Engine) -> None:
    engine = with_settings(engine, sweep_seconds=0.05)
    for number in range(5):
        engine.license(f"l{number}")
    with Worker(engine.runtime):
        assert soon(lambda: engine.snapshot("l4").version > 0)
    versions = [engine.snapshot(f"l{number}").version for number in range(5)]
    assert versions == [1] * 5
    engine.license("late")
    engine.send(usage_event("forms.level", "late", time=None, value=1))
    time.sleep(0.2)
    assert engine.snapshot("late").version == 0


@pytest.mark.long
def test_at_its_end_it_waits_for_what_it_is_sending(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DEADLINE", 11.0)  # longer than a worker waits for anything else
    engine.license(terms={"forms": 5}, admins=[AdminInput("ann@example.com", None, None)])
    engine.send(usage_event("forms.level", value=6))
    engine.refresh()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = engine.runtime.settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{silent.getsockname()[1]}", "sweep_seconds": 0.05}
        )
        with Worker(replace(engine.runtime, settings=settings)):
            called, _ = silent.accept()
        with called, engine.database.read() as session:
            left = session.exec(select(Delivery)).one()
    assert (left.claim, left.status, left.attempts) == (None, "PENDING", 1)
    assert left.detail
    assert left.detail.startswith("The mail server did not take it")


def test_an_alert_holds_that_somebody_was_notified_once_a_message_has_arrived(engine: Engine) -> None:
    engine = with_settings(engine, sweep_seconds=0.05, webhook_networks="127.0.0.0/8")
    engine.license(terms={"forms": 5}, admins=[AdminInput("ann@example.com", None, None)])
    engine.send(usage_event("forms.level", value=6))

    def alert() -> Alert:
        with engine.database.read() as session:
            return session.exec(select(Alert)).one()

    with receiving() as endpoint:
        with engine.database.write() as session:
            networks = engine.runtime.settings.opened_networks
            put_endpoint(session, EndpointInput("acme", "platform", endpoint.url()), networks, NOW)
        engine.refresh()
        with Worker(engine.runtime):
            assert soon(lambda: alert().notified_at is not None)
    assert alert().mailed_at is None  # the e-mail is in the log alone, without a mail server


def test_endpoints_that_hang_hold_up_no_email(engine: Engine) -> None:
    engine = with_settings(engine, sweep_seconds=0.05, webhook_networks="127.0.0.0/8")
    begun, over = threading.Semaphore(0), threading.Event()

    def hang(*_: object) -> None:
        begun.release()
        over.wait(60)

    def statuses_of_emails() -> list[str]:
        with engine.database.read() as session:
            return list(session.exec(select(Delivery.status).where(Delivery.channel == "email")))

    admins = [AdminInput("ann@example.com", None, None)]
    with receiving(hang) as bad:
        for key in ("l0", "l1"):
            engine.license(key, terms={"forms": 5}, admins=admins)
            for number in range(DELIVERY_THREADS // 2):
                with engine.database.write() as session:
                    networks = engine.runtime.settings.opened_networks
                    put_endpoint(session, EndpointInput(key, f"e{number}", bad.url()), networks, NOW)
            engine.send(usage_event("forms.level", key, value=6))
            engine.refresh(key)
        emails = update(Delivery).where(col(Delivery.channel) == "email")
        with engine.database.write() as session:
            session.execute(emails.values(due_at=None))
        with Worker(engine.runtime):
            assert all(begun.acquire(timeout=30) for _ in range(DELIVERY_THREADS))
            with engine.database.write() as session:
                session.execute(emails.values(due_at=NOW))
            assert soon(lambda: statuses_of_emails() == ["SENT", "SENT"])
            assert len(bad.requests) == DELIVERY_THREADS
            over.set()
