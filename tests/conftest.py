"""What every test may ask for: a database of its own, on each database that Allowance runs on."""

import gc
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from itertools import chain, groupby
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from core.database import leases
from core.database.engine import Database
from core.database.types import UtcDateTime
from core.migrations.upgrade import upgrade
from tests.api import node
from tests.services.databases import postgres_databases, sqlite_databases
from tests.services.finder import Services

# Files of tests in memory: a database on a disk waits some milliseconds for each commit.
MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH = 4 * 2**30
TESTS = Path(__file__).parent

pytest_plugins = ["tests.services.plugin", "tests.forms", "tests.seeds", "tests.statements"]


def pytest_configure(config: pytest.Config) -> None:
    # Images of Python often forbid to keep what is compiled. Then each process that tests start compiles all again.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Tests in this process decide when licenses are refreshed. Servers that tests start have the default.
    os.environ.setdefault("ALLOWANCE_REFRESH_AFTER_SECONDS", "0")
    gc.disable()  # until all tests are collected, of which there are very many objects and no garbage
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly
    if whole and shutil.which("npm") and not hasattr(config, "workerinput"):
        # Half a minute on a fresh clone, in which no test has to wait for it yet.
        threading.Thread(target=node.install, name="npm", daemon=True).start()
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Let each worker of a whole run begin with other files, and find those of the others compiled.

    On a fresh clone no test is compiled, which takes as long as all else before the first test.
    """
    config = session.config
    worker: dict[str, object] | None = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(str(file.relative_to(config.rootpath)) for file in TESTS.rglob("test_*.py"))
    begin = len(files) * int(str(worker["workerid"]).removeprefix("gw")) // int(str(worker["workercount"]))
    config.args = [*files[begin:], *files[:begin]]


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each processor, as tests wait for servers and browsers a quarter of their time."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files of tests that wait evenly among the others: workers begin with a part of the list each."""
    items.sort(key=lambda item: item.path)  # the same order in each worker, whichever files it began with
    long: list[list[pytest.Item]] = []
    short: list[list[pytest.Item]] = []
    for path, file in groupby(items, key=lambda item: item.path):
        (long if {"e2e", "faults", "pages"}.intersection(path.parts) else short).append(list(file))
    step = due = len(items) / (len(long) + 1)
    items.clear()
    for part in short:
        items += part
        if long and len(items) >= due:
            items += long.pop(0)
            due += step
    items += chain.from_iterable(long)


def migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


@pytest.fixture(autouse=True, scope="session")
def _leases_follow_this_process() -> Iterator[None]:
    """Let leases on PostgreSQL go by the clock of this process, which tests move."""

    def own_time(session: Session) -> sa.ColumnElement[datetime]:
        return sa.literal(datetime.now(UTC), UtcDateTime())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "current_time", own_time)
        yield


@pytest.fixture(scope="session")
def new_sqlite() -> Iterator[Callable[[Path], str]]:
    with sqlite_databases(migrate) as new:
        yield new


@pytest.fixture(scope="session")
def new_postgresql(services: Services) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    with postgres_databases(services.url("postgres"), migrate) as new:
        yield new


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database with the current schema."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield request.getfixturevalue("new_sqlite")(tmp_path / "test.db")
        else:
            yield stack.enter_context(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()
