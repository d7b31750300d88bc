"""A server on a database of its own, at a moment that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from core.settings import Settings
from tests.api.acme import bring_in
from tests.api.server import Client, Served, serving

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time of this process, which stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def served(database_url: str, clock: time_machine.Traveller) -> Iterator[Served]:
    with serving(Settings(database_url=database_url)) as served:
        yield served


@pytest.fixture
def operator(served: Served) -> Iterator[Client]:
    """A client that may do everything, for all licenses."""
    with served.client() as client:
        yield client


@pytest.fixture
def acme(served: Served) -> None:
    """The license acme, with usage, measured at NOW."""
    bring_in(served)
