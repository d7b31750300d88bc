"""What cannot work is refused at the start, in a line that says what to do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.processes import Installation
from tests.forms import long
from tests.services.databases import postgres_databases
from tests.services.finder import Services

MIGRATE = "The database's schema is not the one of this version. Run 'allowance migrate' and start again.\n"


@pytest.fixture
def new_without_schema(services: Services) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    with postgres_databases(services.url("postgres"), lambda _: None) as new:
        yield new


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sweep_seconds": "soon"}, "ALLOWANCE_SWEEP_SECONDS: input should be a valid number"),
        long({"broker_url": "amqp://broker:port/"}, "ALLOWANCE_BROKER_URL: its host, port or options cannot be read"),
        long({"database_url": "sqlite:////etc/hostname"}, "The database does not answer: file is not a database"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(home: Path, settings: dict[str, object], told: str) -> None:
    refused = Installation(home, f"sqlite:///{home}/data/allowance.db", settings).run("serve", "--port", "0")
    assert refused.returncode == 1
    assert refused.stderr.startswith(told)
    assert refused.stdout == ""


@pytest.mark.long
@pytest.mark.needs("postgres")
def test_a_database_without_the_schema_is_refused_until_it_is_migrated(
    home: Path, new_without_schema: Callable[[], AbstractContextManager[str]]
) -> None:
    with new_without_schema() as database_url:
        installation = Installation(home, database_url)
        refused = installation.run("serve", "--port", "0")
        assert (refused.returncode, refused.stderr, refused.stdout) == (1, MIGRATE, "")
        assert installation.run("migrate").returncode == 0
        with installation.serving() as (server, _):
            server.stop()


@pytest.mark.long
@pytest.mark.needs("postgres")
def test_a_worker_refuses_a_database_without_the_schema(
    home: Path, new_without_schema: Callable[[], AbstractContextManager[str]]
) -> None:
    with new_without_schema() as database_url:
        refused = Installation(home, database_url, {"broker_url": "redis://127.0.0.1:1/0"}).run("worker")
        assert (refused.returncode, refused.stderr, refused.stdout) == (1, MIGRATE, "")
