"""Concurrent senders never wait for each other in a circle, since everybody writes in the order of the keys."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from core.usage import ledger_postgresql
from core.usage.events import EventRules, UsageEvent, check_events
from core.usage.record import record
from core.usage.recount import recount
from core.usage.tables import LedgerEvent
from tests.fixtures.engine import NOW, Engine

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

SENDERS = 6
EVENTS = 300
KINDS = ("interaction.sent", "sms.sent", "users.level", "profiles.level")


def events_of(sender: int, batch: int, random: Random) -> list[dict[str, Any]]:
    """A batch of which half is sent by the other senders as well, at the same time, in whatever order."""
    events = []
    for number in range(EVENTS):
        kind = KINDS[number % len(KINDS)]
        events.append(
            {
                "id": f"{batch}-{number}" if number % 2 else f"{batch}-{number}-of-{sender}",
                "source": "/a",
                "type": kind,
                "license": f"license-{number % 5}",
                "time": NOW - timedelta(days=number % 7),
                "entity": f"entity-{number % 3}",
                "value" if kind.endswith(".level") else "quantity": number,
            }
        )
    random.shuffle(events)
    return events


def deadlocks(engine: Engine, rounds: int) -> list[str]:
    """Let all send at once, so many times, or up to the first deadlock; what PostgreSQL said of it."""
    rules = EventRules(engine.runtime.registry.event_types, NOW, None, timedelta(), lambda _: True)
    random = Random(0)  # noqa: S311 - nothing is to be kept secret

    def send(events: list[UsageEvent]) -> str:
        try:
            with engine.database.write() as session:
                record(session, events, NOW)
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise
            return str(error.orig)
        return ""

    with ThreadPoolExecutor(SENDERS) as threads:
        for number in range(rounds):
            batches = [check_events(events_of(sender, number, random), rules)[0] for sender in range(SENDERS)]
            if found := [said for said in threads.map(send, batches) if said]:
                return found
    return []


@pytest.fixture(autouse=True)
def _licenses(engine: Engine) -> None:
    for number in range(5):
        engine.license(f"license-{number}")
    engine.backfill(*(event for sender in range(SENDERS) for event in events_of(sender, -1, Random(0))))  # noqa: S311


def test_senders_of_the_same_events_and_sums_do_not_deadlock(engine: Engine) -> None:
    assert deadlocks(engine, rounds=20) == []
    for number in range(5):
        with engine.database.read() as session:
            found = recount(session, engine.id(f"license-{number}"), engine.runtime.registry.event_types)
            assert list(found) == []


@pytest.mark.long
def test_without_the_order_they_would(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    unsorted, taken_away = re.subn(r"ORDER BY .*$", "", ledger_postgresql._WRITE, flags=re.MULTILINE)
    assert taken_away == 4
    monkeypatch.setattr(ledger_postgresql, "_WRITE", unsorted)
    assert deadlocks(engine, rounds=200)


@pytest.mark.long
def test_time_zones_that_change_while_events_come_in_lose_nothing(engine: Engine) -> None:
    zones = ("Pacific/Kiritimati", "Pacific/Honolulu", "Asia/Kathmandu", "UTC")

    def change() -> None:
        for number in range(20):
            engine.license(f"license-{number % 5}", zones[number % len(zones)])

    with ThreadPoolExecutor(1) as thread:
        changing = thread.submit(change)
        assert deadlocks(engine, rounds=6) == []
        changing.result()
    for number in range(5):
        key = f"license-{number}"
        engine.refresh(key)
        engine.refresh(key)
        with engine.database.read() as session:
            assert list(recount(session, engine.id(key), engine.runtime.registry.event_types)) == []
            days = session.exec(
                select(col(LedgerEvent.day), col(LedgerEvent.time)).where(LedgerEvent.license_id == engine.id(key))
            ).all()
        zone = ZoneInfo(engine.loaded(key).license.time_zone)
        assert {day for day, time in days if day != time.astimezone(zone).date()} == set()
