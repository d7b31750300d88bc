"""The probes of a server and of a worker: ready while work succeeds, and an answer in bounded time if it hangs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from cli.listening import bind
from cli.probe_port import answer_probes
from core import readiness
from core.database.engine import Database
from core.migrations.upgrade import HEAD
from core.readiness import Readiness, Unready
from core.settings import Settings
from tests.api.endpoints.test_events_limits import away
from tests.api.server import Client, Served, serving

OK: dict[str, Any] = {"status": "ok"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each probe makes a check of its own."""
    monkeypatch.setattr(readiness, "FRESH", 0)


@pytest.fixture
def short_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check is given up soon."""
    monkeypatch.setattr(readiness, "BOUND", 0.5)


@pytest.fixture
def served(database_url: str) -> Iterator[Served]:
    with serving(Settings(database_url=database_url)) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.anonymous() as client:
        yield client


@contextmanager
def starved(database: Database) -> Iterator[None]:
    """Hold all connections of the pool."""
    pool: Any = database.engine.pool
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(database.engine.connect())
        yield


@contextmanager
def blocked(database: Database) -> Iterator[None]:
    """Hold what a writer needs: the lock of SQLite."""
    with database.write() as session:
        session.connection()
        yield


@contextmanager
def schema(database: Database, revision: str) -> Iterator[None]:
    """Let the database have the schema of another revision."""
    for one in (revision, HEAD):
        with database.write() as session:
            session.execute(sa.text("UPDATE alembic_version SET version_num = :one"), {"one": one})
        if one == revision:
            yield


def require_unready(client: Client, reason: Unready) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "failed": [reason]})
    assert (client.get("/livez").status_code, client.get("/livez").json()) == (200, OK)


def test_a_server_is_ready_while_its_work_succeeds_and_until_it_drains(served: Served, client: Client) -> None:
    for path in ("/livez", "/readyz", "/healthz"):
        assert (client.get(path).status_code, client.get(path).json()) == (200, OK)
    Readiness(served.runtime.database).drain()
    assert client.get("/readyz").status_code == 200  # each process has its own


@pytest.mark.parametrize("hold", [starved, blocked])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_work_that_hangs_is_given_up_and_found_to_succeed_again(
    served: Served,
    client: Client,
    hold: Callable[[Database], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reason = Unready.NO_CONNECTION if hold is starved else Unready.CANNOT_WRITE
    with monkeypatch.context() as patch:
        patch.setattr(readiness, "BOUND", 0.5)
        with hold(served.runtime.database):
            require_unready(client, reason)
            require_unready(client, reason)
    while client.get("/readyz").status_code != 200:
        pass


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_a_schema_that_lacks_migrations_is_not_ready_and_a_newer_one_is(
    served: Served, client: Client, revision: str
) -> None:
    with schema(served.runtime.database, revision):
        if revision == "0001":
            require_unready(client, Unready.SCHEMA_NOT_CURRENT)
        else:
            assert client.get("/readyz").json() == OK
    assert client.get("/readyz").json() == OK


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_is_away_is_not_ready(served: Served, client: Client) -> None:
    with away(served.runtime.database):
        require_unready(client, Unready.NO_CONNECTION)
    assert client.get("/readyz").json() == OK


def test_probes_share_a_check_that_hangs(database: Database, short_bound: None) -> None:
    probed = Readiness(database)
    with starved(database):
        first = probed.check()
        assert first.wait() is Unready.NO_CONNECTION
        assert probed.check() is first
        assert probed.check().wait() is Unready.NO_CONNECTION
    assert first.result.result() is None


def test_a_worker_answers_probes_at_a_port_until_it_stops(database: Database) -> None:
    probed = Readiness(database)
    with bind("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with answer_probes(listener, probed), httpx2.Client(base_url=url, timeout=30) as client:
            for path in ("/livez", "/readyz"):
                assert (client.get(path).status_code, client.get(path).json()) == (200, OK)
            assert client.get("/events").json()["error"]["code"] == "NO_SUCH_PATH"
            assert client.get("/readyz").headers["server"] == "allowance"
            probed.drain()
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "failed": ["DRAINING"]})
            assert client.get("/livez").json() == OK
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/livez")
