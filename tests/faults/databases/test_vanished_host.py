"""A host of PostgreSQL that vanishes: no packet is answered, and no connection is ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from time import monotonic

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core.database.engine import Database, is_away
from core.database.postgresql import parse_url
from tests.faults.databases.vanishing import Host, vanishing_host

pytestmark = pytest.mark.needs("postgres", "namespaces")
BOUND = 60
"""Seconds within which a busy machine gives up a host that it gives up after 9. Without bounds, it takes 900."""


@pytest.fixture
def url(new_postgresql: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_postgresql() as url:
        yield url


@pytest.fixture
def host(url: str) -> Iterator[Host]:
    with vanishing_host(parse_url(url).port or 5432) as host:
        yield host


@pytest.fixture
def database(url: str, host: Host) -> Iterator[Database]:
    """The database through the host that may vanish, with the same server as the second host."""
    parsed = parse_url(url)
    hosts = f"{host.address}:{host.port}", f"{parsed.host}:{parsed.port or 5432}"
    several = parsed.set(host=None, port=None).update_query_dict({"host": hosts})
    database = Database(several.render_as_string(hide_password=False))
    yield database
    database.close()


def test_statements_under_way_fail_and_the_next_ones_are_served_by_the_next_host(
    database: Database, host: Host
) -> None:
    failed: list[BaseException] = []
    begun = threading.Event()

    def wait_for_an_answer() -> None:
        try:
            with database.write() as session:
                session.execute(sa.text("SELECT 1"))
                begun.set()
                session.execute(sa.text("SELECT pg_sleep(600)"))
        except DBAPIError as error:
            failed.append(error)

    with database.read() as session:
        assert session.execute(sa.text("SELECT 1")).scalar_one() == 1
    waiting = threading.Thread(target=wait_for_an_answer, daemon=True)
    waiting.start()
    assert begun.wait(BOUND)
    host.vanish()
    began = monotonic()
    # The connections of the pool are found to be lost, and new ones are made to the next host.
    served = False
    while not served and monotonic() < began + BOUND:
        with suppress(DBAPIError), database.write() as session:
            served = session.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert served
    waiting.join(BOUND)
    assert len(failed) == 1
    assert is_away(failed[0])
    assert database.query("SELECT 2", {})[0][0] == 2
    assert monotonic() < began + BOUND
