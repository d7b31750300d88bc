"""Commits that wait for a synchronous replica, and waits that are ended: nothing is acknowledged without a replica."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from time import sleep

import httpx2
import psycopg
import pytest
from sqlmodel import col, select

from core.admission.tables import Installation as Place
from core.database.engine import Database
from core.usage.tables import LedgerEvent
from tests.api.server import Client, cloudevent
from tests.conftest import migrate
from tests.e2e.operations import put_licenses
from tests.e2e.processes import Installation, eventually
from tests.faults.databases.failover import Pair, pair
from tests.faults.databases.test_failover import BOUND, directly

pytestmark = pytest.mark.needs("own-postgres")
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
END = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
TIMEOUT = 0.3
"""Seconds of the timeouts of the role."""
SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")

Send = Callable[[Client], httpx2.Response]


def send_event(client: Client) -> httpx2.Response:
    return client.post_events(cloudevent("interaction.sent", "acme", "one"))


def check_in(client: Client) -> httpx2.Response:
    return client.post("/check-in", json={"license": "acme", "installation": "one"})


@pytest.fixture
def servers() -> Iterator[Pair]:
    with pair(directly, synchronous=True) as servers:
        yield servers


@pytest.fixture
def client(servers: Pair, tmp_path: Path) -> Iterator[Client]:
    """A client of a server on the pair, with a license that has a quota."""
    migrate(servers.url)
    installation = Installation(tmp_path, servers.url)
    with installation.serving() as (_, url), installation.client(url) as client:
        put_licenses(client, ["acme"], {"active_installations": 3})
        yield client


def on_primary(servers: Pair, *statements: str) -> list[int]:
    """Execute statements on the primary. Return the first column of the rows of the last one."""
    with psycopg.connect(servers.primary.url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = local")  # the replica does not answer
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def waits(servers: Pair, answer: Future[httpx2.Response]) -> bool:
    assert not answer.done(), answer.result().text
    return bool(on_primary(servers, WAITING))


def served(send: Send, client: Client) -> bool:
    return send(client).status_code == 200


def require_kept(servers: Pair) -> None:
    """Require that the replica, which is the primary now, has the event or the place once."""
    with closing(Database(servers.url)) as database, database.read() as session:
        events = session.scalars(select(LedgerEvent.id)).all()
        places = session.scalars(select(Place.identifier).where(col(Place.place).is_not(None))).all()
    assert [*events, *places] == ["one"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("send", [send_event, check_in])
def test_what_was_not_on_the_replica_when_its_wait_was_ended_is_not_acknowledged(
    servers: Pair, client: Client, send: Send
) -> None:
    servers.stop_receiving()
    with ThreadPoolExecutor(1) as thread:
        for _ in range(2):  # also when it is sent again, and known to the primary
            answer = thread.submit(send, client)
            eventually(partial(waits, servers, answer))
            while not answer.done():
                on_primary(servers, END)
            refused = answer.result()
            assert refused.status_code == 503, refused.text
            assert "Retry-After" in refused.headers
    servers.primary.kill()
    servers.promote()
    eventually(partial(served, send, client), within=BOUND)
    require_kept(servers)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("send", [send_event, check_in])
def test_timeouts_of_the_role_end_no_wait_for_the_replica(servers: Pair, client: Client, send: Send) -> None:
    on_primary(
        servers,
        *(f"ALTER ROLE postgres SET {name} = '{TIMEOUT}s'" for name in SETTINGS),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'",
    )
    eventually(partial(served, lambda client: client.post("/graphql", json={"query": "{ __typename }"}), client))
    servers.stop_receiving()
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(send, client)
        eventually(partial(waits, servers, answer))
        sleep(5 * TIMEOUT)
        assert waits(servers, answer)
        servers.primary.kill()
        servers.promote()
        assert answer.result().status_code in (200, 503)
    eventually(partial(served, send, client), within=BOUND)
    require_kept(servers)
