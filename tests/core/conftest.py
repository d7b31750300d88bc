"""The engine on the test's database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from core.access.authenticator import Authenticator
from core.admission.admitter import Admitter
from core.database.engine import Database
from core.measuring.measure import Measurer
from core.plugins.host import load_plugins
from core.plugins.registry import Registry
from core.runtime import Runtime
from core.settings import Settings
from core.tracing import Tracing
from core.usage.committer import Committer
from tests.fixtures.engine import NOW, Engine


@pytest.fixture(scope="session")
def registry() -> Registry:
    """What is installed: the built-in meters, by the route that a partner's take."""
    return load_plugins()


@pytest.fixture(scope="session")
def own_measurer() -> Iterator[Measurer]:
    """It measures the SDK's kinds, for which it needs no other process."""
    measurer = Measurer(timeout=timedelta(seconds=10), memory=256 * 2**20)
    yield measurer
    measurer.close()


@pytest.fixture
def engine(database_url: str, database: Database, registry: Registry, own_measurer: Measurer) -> Iterator[Engine]:
    settings = Settings(database_url=database_url)
    committer = Committer(database, 50_000)
    admitter = Admitter(database, registry, settings)
    yield Engine(
        Runtime(
            settings, database, registry, own_measurer, committer, Authenticator(database), admitter, Tracing(settings)
        )
    )
    admitter.close()
    committer.close()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time of this process, which stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
