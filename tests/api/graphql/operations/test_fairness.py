"""A key that asks for as much as it can delays others by little, and its requests cost nothing once it has gone."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import process_time
from urllib.parse import urlsplit

import pytest

from core.access.keys import Caller
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import socket_to
from tests.api.server import Client, Served, serving

CLIENTS = 40
OVERVIEW = '{ consumption(license: "acme") { sections { key readings { used limit status } } } }'


def past_days(name: str, count: int = 50) -> str:
    """A query of as many past days as an operation may have aliases."""
    days = " ".join(
        f'a{day}: consumption(license: "acme", at: "2026-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00Z") {{ status }}'
        for day in range(count)
    )
    return f"query {name} {{ {days} }}"


def request(served: Served, token: str, query: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: {urlsplit(served.url).netloc}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def sent(served: Served, token: str, queries: list[str]) -> Iterator[list[socket.socket]]:
    """Connections over which one request each was sent."""
    parts = urlsplit(served.url)
    with ExitStack() as stack:
        sockets = []
        for query in queries:
            connection = stack.enter_context(socket.create_connection((parts.hostname, parts.port or 80), timeout=60))
            connection.sendall(request(served, token, query))
            sockets.append(connection)
        yield sockets


def executed(served: Served, name: str) -> int:
    """How often an operation was executed."""
    with served.client() as client:
        text = client.get("/metrics").text
    lines = [line for line in text.splitlines() if f'operation="{name}"' in line and "executed" in line]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines if "_total" in line))


@pytest.fixture
def generous(library: Served) -> Iterator[Served]:
    """A server whose budgets let everything wait that the tests send."""
    settings = Settings(database_url=library.runtime.settings.database_url, graphql_cost_per_second=10_000_000)
    with serving(settings) as served:
        yield served


def test_a_neighbour_waits_for_less_than_one_of_the_queries_of_another_key(generous: Served) -> None:
    """Time is counted in processor time of this process, in which the server runs: other processes do not matter."""
    token = generous.token("consumption:read")
    with Client(generous.url, token) as alone, generous.client() as neighbour:
        began = process_time()
        alone.data(past_days("Alone"))
        one = process_time() - began
        neighbour.data(OVERVIEW)
        with sent(generous, token, [past_days(f"Greedy{number}") for number in range(CLIENTS)]):
            while not executed(generous, "Greedy0"):
                pass
            began = process_time()
            for number in range(5):
                neighbour.data(f"{OVERVIEW} # {number}")
            waited = process_time() - began
        assert executed(generous, f"Greedy{CLIENTS - 1}") == 0
    assert waited < 5 * one


def test_a_key_learns_what_is_left_of_its_budget_and_when_to_come_back(library: Served) -> None:
    settings = Settings(
        database_url=library.runtime.settings.database_url, graphql_cost_per_second=1000, graphql_max_cost=3000
    )
    with serving(settings) as served, served.client() as greedy, served.client() as modest:
        cost = greedy.graphql(past_days("Two", 2))["extensions"]["cost"]
        assert (cost["requested"], cost["limit"]) == (2002, 3000)
        status = cost["throttleStatus"]
        assert (status["maximumAvailable"], status["restoreRate"]) == (3000, 1000)
        assert 0 <= status["currentlyAvailable"] < 3000
        answers = [greedy.post("/graphql", json={"query": past_days(f"Again{number}", 2)}) for number in range(20)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        error = refused[0].json()["errors"][0]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        # Which of the two depends on the time that the answers before it took.
        assert re.fullmatch(
            r"(The operation costs 2002, and this key has less than that left"
            r"|This key has used up its budget)\. Come back in \d+ s\.",
            error["message"],
        )
        assert int(refused[0].headers["retry-after"]) == error["extensions"]["retryAfter"] >= 1
        status = modest.graphql(OVERVIEW)["extensions"]["cost"]["throttleStatus"]
        assert status["currentlyAvailable"] > 2000


def test_a_subscription_and_an_operation_over_websocket_state_the_budget_as_well(library: Served) -> None:
    with socket_to(library, library.token("consumption:read")) as connection:
        for query in ('subscription { consumptionChanged(license: "acme") { version } }', OVERVIEW):
            connection.ask("1", query)
            payload = connection.hear()["payload"]
            assert payload["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == 150_000
            connection.say(id="1", type="complete")
            if query == OVERVIEW:
                assert connection.hear() == {"id": "1", "type": "complete"}


def test_queries_of_clients_that_hung_up_are_not_executed(generous: Served) -> None:
    """One query is under way when its client leaves, and ends at the next field."""
    token = generous.token("consumption:read")
    with sent(generous, token, [past_days("HungUp")] * CLIENTS), Client(generous.url, token) as same_key:
        same_key.data("{ viewer { name } }")  # by now the requests were read
    with Client(generous.url, token) as same_key:
        same_key.data(past_days("Afterwards", 4))  # waits for all that waits before it
    assert executed(generous, "HungUp") <= 2


def test_subscriptions_that_were_left_are_not_executed(generous: Served) -> None:
    costly = " ".join(f"a{number}: history(last: 300) {{ edges {{ cursor }} }}" for number in range(4))
    token = generous.token("consumption:read")
    with ExitStack() as stack:
        for number in range(CLIENTS):
            connection = stack.enter_context(socket_to(generous, token))
            fields = f"n{number}: version sections {{ readings {{ {costly} }} }}"
            connection.ask("1", f'subscription Left {{ consumptionChanged(license: "acme") {{ {fields} }} }}')
    with Client(generous.url, token) as same_key:
        same_key.data(past_days("Afterwards", 4))
    assert executed(generous, "Left") < CLIENTS / 2


def test_sessions_are_counted_by_license_and_keys_by_key() -> None:
    key = Caller("k", "a key", None, frozenset())
    session = key._replace(license="acme", session="s-1")
    assert key.account == "k"
    assert session.account == session._replace(session="s-2").account == "k acme"
    assert session._replace(license="globex").account == "k globex"
