"""A server on a database of its own, at a moment that stands still."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import time_machine

from core.settings import Settings
from tests.api.acme import bring_in
from tests.api.server import Client, Served, serving

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time of this process, which stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def served(database_url: str, clock: time_machine.Traveller) -> Iterator[Served]:
    """An empty server."""
    with serving(Settings(database_url=database_url)) as served:
        yield served


@pytest.fixture
def operator(served: Served) -> Iterator[Client]:
    """A client of the test's server that may do everything, for all licenses."""
    with served.client() as client:
        yield client


@pytest.fixture
def acme(served: Served) -> None:
    """The license acme on the test's server, with usage, measured at NOW."""
    bring_in(served)


@pytest.fixture(scope="module", params=DATABASES)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the license acme, shared by the tests of a module that only read."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = request.getfixturevalue("new_sqlite")(tmp_path_factory.mktemp("library") / "test.db")
        else:
            url = stack.enter_context(request.getfixturevalue("new_postgresql")())
        stack.enter_context(time_machine.travel(NOW, tick=False))
        # Tests ask with unknown tokens as fast as the machine can.
        served = stack.enter_context(serving(Settings(database_url=url, unknown_tokens_per_second=100_000)))
        bring_in(served)
        yield served


@pytest.fixture
def reader(library: Served) -> Iterator[Client]:
    """A client of the shared server that may do everything, for all licenses."""
    with library.client() as client:
        yield client
