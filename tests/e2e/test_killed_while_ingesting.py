"""The server is killed while usage comes in: what it acknowledged is there, and counted once."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from random import Random
from time import sleep

from sqlmodel import select

from core.database.engine import Database, parts
from core.usage.tables import UsageEvent
from tests.api.server import Client
from tests.e2e.operations import ask_for_refresh, put_licenses, readings, wait_until_done
from tests.e2e.processes import Installation
from tests.e2e.senders import Event, Sender, outcome, send_batch, send_mutation, send_singly

KILLS = 3


def ledger(installation: Installation) -> list[str]:
    with closing(Database(installation.database_url)) as database, database.read() as session:
        return list(session.exec(select(UsageEvent.id)).all())


def sent_again(client: Client, events: Mapping[str, Event]) -> tuple[int, int]:
    """How many were accepted, and how many had been; all in batches now, however they were sent at first."""
    outcomes = [outcome(send_batch(client, part)) for part in parts(events.values())]
    return sum(accepted for accepted, _ in outcomes), sum(duplicates for _, duplicates in outcomes)


def test_what_was_acknowledged_is_in_the_ledger_once_through_any_number_of_kills(installation: Installation) -> None:
    random = Random()  # noqa: S311 - nothing is to be kept secret
    stopped = threading.Event()
    with ThreadPoolExecutor() as threads, ExitStack() as stack:
        stack.callback(stopped.set)
        server, url = stack.enter_context(installation.serving())
        clients = [stack.enter_context(installation.client(url))]
        put_licenses(clients[-1], ["acme"])
        senders = [
            Sender("batches", send_batch, 50, lambda: clients[-1]),
            Sender("single-events", send_singly, 1, lambda: clients[-1]),
            Sender("mutations", send_mutation, 10, lambda: clients[-1]),
        ]
        sending = [threads.submit(sender.run, "acme", stopped) for sender in senders]
        for _ in range(KILLS):
            sleep(random.uniform(0.2, 1))
            server.kill()
            server, url = stack.enter_context(installation.serving())
            clients.append(stack.enter_context(installation.client(url)))
        sleep(0.2)
        stopped.set()
        for each in sending:
            each.result()

        acknowledged = {name: event for sender in senders for name, event in sender.acknowledged.items()}
        given_up = {name: event for sender in senders for name, event in sender.given_up.items()}
        recorded = ledger(installation)
        assert len(recorded) == len(set(recorded))
        assert acknowledged.keys() <= set(recorded) <= acknowledged.keys() | given_up.keys()
        assert min(len(sender.acknowledged) for sender in senders) > 0
        assert sum(sender.sent_again for sender in senders) > 0

        recounted = installation.run("recount")
        assert (recounted.returncode, recounted.stdout) == (0, "No differences in 1 license.\n")

        assert sent_again(clients[-1], acknowledged) == (0, len(acknowledged))
        assert sum(sent_again(clients[-1], given_up)) == len(given_up)

        wait_until_done(clients[-1], ask_for_refresh(clients[-1], "acme"))
        total = sum(event["data"].get("quantity", 0) for event in (acknowledged | given_up).values())
        assert readings(clients[-1], "acme")["interactions"]["used"] == total
