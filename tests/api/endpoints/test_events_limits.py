"""``POST /events`` at its limits: too much at once, and a database that is away."""

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from core.access.authenticator import CACHE_SECONDS
from core.database.engine import Database
from core.settings import Settings
from tests.api.server import Client, Served, cloudevent, serving

LICENSE = 'mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }'
EVENT = cloudevent("interaction.sent", "acme", "e-1")
RECORD = """mutation { recordUsage(events: [{id: "e-1", source: "/test", type: "interaction.sent", license: "acme"}]) {
  accepted duplicates
} }"""
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
AWAY = {
    "error": {
        "code": "UNAVAILABLE",
        "message": "The database does not answer now. Send it again: what was recorded already is not counted twice.",
    }
}


def used(served: Served, client: Client) -> object:
    """Return the usage of the license after a refresh."""
    served.refresh()
    query = '{ consumption(license: "acme") { section(key: "channels") { readings { used } } } }'
    return client.data(query)["consumption"]["section"]["readings"][0]["used"]


def begin(served: Served, path: str, *headers: str) -> socket.socket:
    """Begin a request of JSON on a connection of its own."""
    address = urlsplit(served.url)
    connection = socket.create_connection((str(address.hostname), address.port or 80), timeout=10)
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: Bearer {served.token()}",
        "Content-Type: application/json",
        *headers,
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


@pytest.fixture
def small(new_sqlite: Any, tmp_path: Any, clock: object) -> Iterator[Served]:
    """A server that takes ten events and 2,000 bytes at once, and lets a hundred events wait."""
    settings = Settings(
        database_url=new_sqlite(tmp_path / "small.db"), max_events=10, max_body_bytes=2000, max_waiting_events=100
    )
    with serving(settings) as served, served.client() as client:
        client.data(LICENSE)
        yield served


def test_more_events_than_are_taken_at_once_are_refused_whole(small: Served) -> None:
    with small.client() as client:
        events = [{**EVENT, "id": f"e-{number}", "data": None} for number in range(11)]
        answer = client.post_events(*events)
        assert (answer.status_code, answer.json()) == (
            413,
            {"error": {"code": "TOO_LARGE", "message": "11 events at once; 10 at most. Send them in parts."}},
        )
        assert client.post_events(*events[:10]).json() == {"accepted": 10, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize("told", [True, False])
def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_told(small: Served, told: bool) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(21):
            yield b" " * 100

    with small.client() as client:
        headers = {"Content-Type": "application/json"}
        body = b" " * 2100 if told else chunks()
        answer = client.post("/events", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (
            413,
            {"error": {"code": "TOO_LARGE", "message": "The body passes 2000 bytes. Send it in parts."}},
        )
        exactly = client.post("/events", content=b"[]".rjust(2000), headers=headers)
        assert exactly.json() == {"accepted": 0, "duplicates": 0, "rejected": []}


def test_a_body_without_end_is_refused_before_its_end(small: Served) -> None:
    with begin(small, "/events", "Transfer-Encoding: chunked") as connection:
        connection.sendall(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_sender_who_goes_away_in_the_middle_disturbs_nobody(small: Served, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/events", "/graphql"):
        with begin(small, path, "Content-Length: 1000") as connection:
            connection.sendall(b"[{")
    with small.client() as client:
        assert client.post_events(EVENT).json()["accepted"] == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_while_too_many_wait_to_be_recorded_more_are_sent_away_and_nothing_taken_is_lost(small: Served) -> None:
    answers: list[httpx2.Response] = []

    def send(sender: int, client: Client) -> None:
        with client:
            events = [{**EVENT, "id": f"{sender}-{number}"} for number in range(10)]
            answers.append(client.post_events(*events))

    token, neighbour = small.token(), small.client()
    senders = [threading.Thread(target=send, args=(number, Client(small.url, token))) for number in range(15)]
    with closing(sqlite3.connect(str(small.runtime.database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for sender in senders:
            sender.start()
        while len(answers) < 5:
            time.sleep(0.01)
        with neighbour:
            refused = neighbour.post("/events", content="{", headers={"Content-Type": "application/json"})
            assert refused.status_code == 400  # and not 503: there is room for another key
        other.execute("ROLLBACK")
    for sender in senders:
        sender.join()
    sent_away = [answer for answer in answers if answer.status_code == 503]
    assert [answer.json()["error"]["code"] for answer in sent_away] == ["OVERLOADED"] * 5
    assert all(answer.headers["retry-after"] == "5" for answer in sent_away)
    with small.client() as client:
        assert used(small, client) == 100


def test_a_total_beyond_what_can_be_counted_exactly_is_refused_whole(served: Served, operator: Client) -> None:
    operator.data(LICENSE)
    events = [{**EVENT, "id": f"e-{number}", "data": {"quantity": 2**53}} for number in range(600)]
    answer = operator.post_events(*events)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "TOTAL_TOO_LARGE")
    assert operator.post_events(*events[:500]).json()["accepted"] == 500
    again = operator.post_events(*events[500:])
    assert again.json()["error"]["code"] == "TOTAL_TOO_LARGE"
    assert operator.post_events(*events[:500]).json()["duplicates"] == 500


@contextmanager
def away(database: Database) -> Iterator[None]:
    """The database cannot be written to meanwhile."""
    if database.is_sqlite:
        with locked(database):
            yield
    else:
        with disconnected(database):
            yield


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another process writes, and does not come to an end."""

    def hurry(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    event.listen(database.engine, "checkout", hurry)
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    event.remove(database.engine, "checkout", hurry)


@contextmanager
def disconnected(database: Database) -> Iterator[None]:
    """The server takes no connections to the database, and ended those that there were."""
    url = database.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    name = sql.Identifier(str(database.url.database))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        server.execute(TERMINATE, [database.url.database])
        yield
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


def test_a_database_that_is_away_is_a_503_with_a_code_and_sending_again_counts_once(
    served: Served, operator: Client
) -> None:
    operator.data(LICENSE)
    with away(served.runtime.database):
        answer = operator.post_events(EVENT)
        assert (answer.status_code, answer.json()) == (503, AWAY)
        assert answer.headers["retry-after"] == "5"
        over_graphql = operator.post("/graphql", json={"query": RECORD}).json()
        assert over_graphql["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        time.sleep(CACHE_SECONDS)
        assert operator.get("/metrics").status_code == 200
        health = operator.get("/healthz")
        assert health.status_code == (200 if served.runtime.database.is_sqlite else 503)
    assert operator.get("/healthz").json() == {"status": "ok"}
    assert operator.post_events(EVENT).json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert operator.data(RECORD) == {"recordUsage": {"accepted": 0, "duplicates": 1}}
    assert used(served, operator) == 1


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_break_under_senders_lose_and_double_nothing(served: Served, operator: Client) -> None:
    operator.data(LICENSE)
    name = served.runtime.database.url.database
    url = served.runtime.database.url.set(drivername="postgresql", database="postgres")
    acknowledged: list[str] = []
    refused: list[int] = []

    def send(sender: int, client: Client) -> None:
        with client:
            for batch in range(15):
                events = [{**EVENT, "id": f"{sender}-{batch}-{number}"} for number in range(20)]
                while (answer := client.post_events(*events)).status_code != 200:
                    refused.append(answer.status_code)
                acknowledged.extend(str(one["id"]) for one in events)

    senders = [threading.Thread(target=send, args=(number, served.client())) for number in range(3)]
    for sender in senders:
        sender.start()
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as server:
        for _ in range(10):
            server.execute(TERMINATE, [name])
            senders[0].join(timeout=0.15)
    for sender in senders:
        sender.join()
    assert set(refused) <= {503}
    assert len(acknowledged) == 900
    assert used(served, operator) == 900
