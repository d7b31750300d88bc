"""A role of PostgreSQL that may have few connections: a process keeps to its budget, and check-ins have their share."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from core.database.engine import Database
from core.settings import Settings
from tests.api.server import Client, Served, cloudevent, serving
from tests.e2e.operations import put_licenses
from tests.fixtures.role import plain_role

pytestmark = [
    pytest.mark.needs("postgres"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
LIMIT = 12
CLIENTS = 24
ROUNDS = 20


@pytest.fixture
def role(database: Database) -> Iterator[URL]:
    with plain_role(database) as url:
        with database.write() as session:
            session.execute(sa.text(f"ALTER ROLE {url.username} CONNECTION LIMIT {LIMIT}"))
        yield url


def settings_of(role: URL, connections: int) -> Settings:
    url = role.render_as_string(hide_password=False)
    return Settings(database_url=url, database_connections=connections, quota_newcomers_per_hour=100_000)


def hold_all(stack: ExitStack, served: Served) -> None:
    """Hold every connection that requests may use."""
    database = served.runtime.database
    for engine in (database.engine, database._autocommit):
        for _ in range(engine.pool.size() + engine.pool._max_overflow):  # type: ignore[attr-defined]
            stack.enter_context(engine.connect())


def sessions_of(database: Database, role: URL) -> int:
    with database.read() as session:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE usename = :role"
        return int(session.execute(sa.text(statement), {"role": role.username}).scalar_one())


def test_check_ins_have_connections_while_requests_hold_all_others(database: Database, role: URL) -> None:
    with serving(settings_of(role, LIMIT)) as served, served.client() as client, ExitStack() as held:
        put_licenses(client, ["acme"], {"active_installations": 30})
        hold_all(held, served)
        with ThreadPoolExecutor(6) as threads:
            decided = list(threads.map(lambda number: check_in(client, number), range(40)))
        assert sorted(decided) == ["ADMITTED"] * 30 + ["BACK_OFF"] * 10
        assert sessions_of(database, role) <= LIMIT


def test_without_a_budget_that_fits_requests_take_the_connections_of_check_ins(database: Database, role: URL) -> None:
    """The control run: the role's limit is what check-ins meet."""
    with serving(settings_of(role, 40)) as served, served.client() as client, ExitStack() as held:
        put_licenses(client, ["acme"], {"active_installations": 30})
        with pytest.raises(sa.exc.OperationalError, match="too many connections"):
            hold_all(held, served)
        assert client.post("/check-in", json={"license": "acme", "installation": "one"}).status_code == 503


def test_more_requests_than_connections_wait_and_are_all_served(database: Database, role: URL) -> None:
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.05):
            most = max(most, sessions_of(database, role))

    def work(number: int) -> set[int]:
        with Client(served.url, token) as own:
            return {
                answer.status_code
                for each in range(ROUNDS)
                for answer in (
                    own.post_events(cloudevent("interaction.sent", "acme", f"{number}-{each}")),
                    own.post("/graphql", json={"query": '{ consumption(license: "acme") { version } }'}),
                    own.post("/check-in", json={"license": "acme", "installation": f"{number}-{each}"}),
                )
            }

    with serving(settings_of(role, LIMIT)) as served, served.client() as client:
        put_licenses(client, ["acme"], {"active_installations": CLIENTS * ROUNDS})
        token = served.token()
        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(CLIENTS) as threads:
            found = set().union(*threads.map(work, range(CLIENTS)))
        done.set()
        watcher.join()
        assert found == {200}
        assert 0 < most <= LIMIT


def check_in(client: Client, number: int) -> str:
    answer = client.post("/check-in", json={"license": "acme", "installation": f"installation {number}"})
    assert answer.status_code in (200, 429), answer.text
    return str(answer.json()["decision"])
