"""Servers and workers as processes of their own, on PostgreSQL, over Redis and over RabbitMQ."""

from contextlib import ExitStack
from time import monotonic

import pika  # type: ignore[import-untyped]
import redis

from tests.e2e.gate import gate_before
from tests.e2e.operations import ask_for_refresh, put_licenses, statuses, versions, wait_until_done
from tests.e2e.processes import Installation, eventually

NEVER = 3600
"""Seconds between two sweeps where no sweep is to be what did it."""
SOON = 0.3


def lose_all_messages(installation: Installation) -> None:
    url, queue = str(installation.settings["broker_url"]), str(installation.settings.get("queue"))
    if url.startswith("redis"):
        redis.Redis.from_url(url).flushdb()
    else:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            connection.channel().queue_purge(queue)


def test_a_message_brings_a_refresh_to_a_worker_at_once(distributed: Installation) -> None:
    distributed.settings["sweep_seconds"] = NEVER
    with distributed.serving() as (server, url), distributed.client(url) as client:
        put_licenses(client, ["acme"])
        with distributed.working() as worker:
            eventually(lambda: versions(client) == {"acme": 1})

            wait_until_done(client, ask_for_refresh(client, "acme"), within=5)
            assert versions(client) == {"acme": 2}

            worker.stop()
        server.stop()


def test_a_refresh_whose_message_was_lost_is_done_by_the_sweep(distributed: Installation) -> None:
    with distributed.serving() as (_, url), distributed.client(url) as client:
        put_licenses(client, ["acme"])
        requests = ask_for_refresh(client, "acme")
        lose_all_messages(distributed)
        assert statuses(client, requests) == ["QUEUED"]

        with distributed.working(sweep_seconds=SOON):
            wait_until_done(client, requests)
            # And the next one, of which no worker hears either.
            with distributed.serving(broker_url="redis://127.0.0.1:1/0") as (_, other), distributed.client(other) as deaf:
                wait_until_done(client, ask_for_refresh(deaf, "acme"))


def test_without_a_broker_everything_is_served_and_its_return_brings_all_that_waits(distributed: Installation) -> None:
    with gate_before(str(distributed.settings["broker_url"])) as (gate, gated):
        distributed.settings |= {"broker_url": gated, "sweep_seconds": NEVER}
        with distributed.serving() as (server, url), distributed.working() as worker, distributed.client(url) as client:
            put_licenses(client, ["acme", "globex", "initech"])
            waiting = ask_for_refresh(client, "acme")
            assert statuses(client, waiting) == ["QUEUED"]

            t=monotonic(); gate.open()
            waiting += ask_for_refresh(client, "globex")
            wait_until_done(client, waiting); print("returned", monotonic()-t)

            gate.close(); t=monotonic()
            assert statuses(client, ask_for_refresh(client, "initech")) == ["QUEUED"]; print("ask", monotonic()-t)

            t=monotonic(); worker.stop(); print("worker stop", monotonic()-t); print(worker.log.read_text()[-3000:])
            t=monotonic(); server.stop(); print("server stop", monotonic()-t)


def test_each_due_refresh_is_done_once_whatever_the_number_of_workers(distributed: Installation) -> None:
    keys = [f"license-{number}" for number in range(40)]
    distributed.settings |= {"sweep_seconds": SOON, "refresh_batch": 3}
    with ExitStack() as stack:
        _, url = stack.enter_context(distributed.serving())
        client = stack.enter_context(distributed.client(url))
        put_licenses(client, keys)
        for worker in [stack.enter_context(distributed.running("worker")) for _ in range(3)]:
            worker.says("The worker runs.")
        eventually(lambda: set(versions(client).values()) == {1})

        for version in (2, 3, 4):
            wait_until_done(client, ask_for_refresh(client, *keys))
            assert versions(client) == dict.fromkeys(keys, version)
