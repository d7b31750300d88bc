"""An installation for each test: a home and a database of its own, and where asked for a broker."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.processes import Installation
from tests.services.brokers import emptied_redis, rabbitmq_queues
from tests.services.finder import Services

QUEUE = "work"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def installation(home: Path, database_url: str) -> Installation:
    """On each database; workers run inside the server."""
    return Installation(home, database_url)


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.needs("postgres", name)) for name in ("redis", "rabbitmq")]
)
def distributed(
    request: pytest.FixtureRequest,
    home: Path,
    services: Services,
    new_postgresql: Callable[[], AbstractContextManager[str]],
) -> Iterator[Installation]:
    """On PostgreSQL, over each broker; workers are processes of their own."""
    url = services.url(request.param)
    with new_postgresql() as database_url:
        if request.param == "redis":
            with emptied_redis(url):
                yield Installation(home, database_url, {"broker_url": url})
        else:
            with rabbitmq_queues(url, QUEUE) as prefix:
                yield Installation(home, database_url, {"broker_url": url, "queue": prefix + QUEUE})
