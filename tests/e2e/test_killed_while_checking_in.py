"""The server is killed while installations check in: who has a place has it, and there is never one too many."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count
from random import Random
from time import sleep
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlmodel import col, select

from core.admission.tables import AdmissionWindow, Installation
from core.database.engine import Database
from tests.api.server import Client
from tests.e2e.operations import put_licenses
from tests.e2e.processes import Installation as House
from tests.e2e.processes import eventually


def with_place(house: House) -> list[str | None]:
    """The identifiers of the installations that have a place."""
    with closing(Database(house.database_url)) as database, database.read() as session:
        return list(session.exec(select(Installation.identifier).where(col(Installation.place).is_not(None))))


def places_taken(house: House) -> int:
    with closing(Database(house.database_url)) as database, database.read() as session:
        return session.exec(select(AdmissionWindow.used)).one()


def decision(client: Client, installation: str) -> str:
    answer = client.post("/check-in", json={"license": "acme", "installation": installation})
    assert answer.status_code in (200, 429), answer.text
    return str(answer.json()["decision"])


@pytest.mark.long
def test_who_was_admitted_by_a_server_that_died_before_it_said_so_is_known_to_the_next(installation: House) -> None:
    with ExitStack() as stack:
        server, url = stack.enter_context(installation.serving())
        client = stack.enter_context(installation.client(url))
        put_licenses(client, ["acme"], {"active_installations": 1})
        body = json.dumps({"license": "acme", "installation": "unlucky"}).encode()
        head = f"POST /check-in HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
        line = stack.enter_context(socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)))
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        eventually(lambda: with_place(installation) == ["unlucky"])
        server.kill()  # nobody read what it may have said
        _, url = stack.enter_context(installation.serving())
        again = stack.enter_context(installation.client(url))
        assert [decision(again, one) for one in ("unlucky", "other")] == ["KNOWN", "BACK_OFF"]


@pytest.mark.long
def test_places_are_exact_through_any_number_of_kills_while_the_quota_fills(
    installation: House, random: Random, long_form: bool
) -> None:
    kills, quota = (3, 400) if long_form else (1, 80)
    installation = replace(installation, settings={**installation.settings, "quota_newcomers_per_hour": 1_000_000})
    stopped = threading.Event()
    numbers = count()
    told: dict[str, set[str]] = {}
    unanswered: set[str] = set()
    with ThreadPoolExecutor() as threads, ExitStack() as stack:
        stack.callback(stopped.set)
        server, url = stack.enter_context(installation.serving())
        clients = [stack.enter_context(installation.client(url))]
        put_licenses(clients[-1], ["acme"], {"active_installations": quota})

        def call_home() -> None:
            while not stopped.is_set():
                name = f"i-{next(numbers)}"
                try:
                    told.setdefault(name, set()).add(decision(clients[-1], name))
                except (httpx2.TransportError, AssertionError):
                    unanswered.add(name)
                    sleep(0.05)

        calling = [threads.submit(call_home) for _ in range(6)]
        for _ in range(kills):
            sleep(random.uniform(0.3, 0.8))
            server.kill()
            server, url = stack.enter_context(installation.serving())
            clients.append(stack.enter_context(installation.client(url)))
        eventually(lambda: any("BACK_OFF" in answers for answers in list(told.values())))
        stopped.set()
        for each in calling:
            each.result()

        admitted = {name for name, answers in told.items() if "ADMITTED" in answers}
        kept = with_place(installation)
        assert len(kept) == len(set(kept)) == places_taken(installation) == quota
        assert admitted <= set(kept) <= admitted | unanswered
        assert {decision(clients[-1], str(name)) for name in kept} == {"KNOWN"}
        refused = [name for name, answers in told.items() if answers == {"BACK_OFF"}]
        assert {decision(clients[-1], name) for name in refused[:50]} == {"BACK_OFF"}
