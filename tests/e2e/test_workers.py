"""Servers and workers as processes of their own, on PostgreSQL, over Redis and over RabbitMQ."""

import re
import socket
from contextlib import ExitStack, closing
from time import monotonic

import pytest
from sqlmodel import select

from core.database.engine import Database
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from core.settings import load_settings
from core.workers.broker import Announcer, open_broker
from tests.e2e.gate import gate_before
from tests.e2e.operations import ask_for_refresh, put_licenses, statuses, versions, wait_until_done
from tests.e2e.processes import Installation, eventually

NEVER = 3600
"""Seconds between two sweeps where no sweep is to be what did it."""
SOON = 0.3


@pytest.mark.long
def test_a_message_brings_refreshes_to_a_worker_at_once_also_when_the_broker_was_away(
    distributed: Installation,
) -> None:
    with ExitStack() as stack:
        gate, gated = stack.enter_context(gate_before(str(distributed.settings["broker_url"])))
        distributed.settings |= {"broker_url": gated, "sweep_seconds": NEVER}
        server, url = stack.enter_context(distributed.serving())
        client = stack.enter_context(distributed.client(url))
        put_licenses(client, ["acme", "globex"])
        stack.enter_context(distributed.working())
        eventually(lambda: versions(client) == {"acme": 2, "globex": 2})  # by the one sweep, at its start

        waiting = ask_for_refresh(client, "acme")
        assert statuses(client, waiting) == ["QUEUED"]
        gate.open()
        wait_until_done(client, [*waiting, *ask_for_refresh(client, "globex")])

        wait_until_done(client, ask_for_refresh(client, "acme"))
        assert versions(client) == {"acme": 4, "globex": 3}

        gate.close()
        assert statuses(client, ask_for_refresh(client, "acme")) == ["QUEUED"]
        server.stop()


@pytest.mark.long
def test_a_refresh_whose_message_is_lost_is_done_by_the_sweep(distributed: Installation) -> None:
    nowhere = re.sub(r":\d+/", ":1/", str(distributed.settings["broker_url"]))
    with distributed.running("worker", broker_url=nowhere, sweep_seconds=SOON) as worker, ExitStack() as stack:
        _, url = stack.enter_context(distributed.serving())
        client = stack.enter_context(distributed.client(url))
        put_licenses(client, ["acme"])
        for _ in range(2):
            wait_until_done(client, ask_for_refresh(client, "acme"))
        worker.stop()


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_hangs_costs_who_announces_seconds_and_nothing_else(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        broker = open_broker(load_settings(broker_url=f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/"))
        begun = monotonic()
        Announcer(broker, "work", lambda: None).announce()
        assert monotonic() - begun < 60
    assert "the broker did not take a message, workers will look by themselves" in caplog.text


@pytest.mark.long
@pytest.mark.parametrize(
    "distributed", [pytest.param("redis", marks=pytest.mark.needs("postgres", "redis"))], indirect=True
)
def test_each_due_refresh_is_done_once_whatever_the_number_of_workers(distributed: Installation) -> None:
    keys = [f"license-{number}" for number in range(30)]
    distributed.settings |= {"sweep_seconds": SOON, "refresh_batch": 2}
    with ExitStack() as stack:
        _, url = stack.enter_context(distributed.serving())
        client = stack.enter_context(distributed.client(url))
        put_licenses(client, keys)
        for worker in [stack.enter_context(distributed.running("worker")) for _ in range(3)]:
            worker.says("The worker runs.")
        eventually(lambda: set(versions(client).values()) == {2})

        for version in (3, 4):
            wait_until_done(client, ask_for_refresh(client, *keys))
            assert versions(client) == dict.fromkeys(keys, version)

    with closing(Database(distributed.database_url)) as database, database.read() as session:
        taken = session.exec(select(RefreshRun.attempts).where(RefreshRun.id != SCHEDULE)).all()
    assert taken == [1] * 2 * len(keys)
