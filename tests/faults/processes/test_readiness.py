"""Probes of processes whose database is full, locked or gone: not ready soon, and ready again once it is well."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx2
import pytest

from core.readiness import Unready
from tests.conftest import migrate
from tests.e2e.processes import PATIENCE, Installation, eventually
from tests.faults.databases.vanishing import vanishing_host
from tests.faults.processes.test_rolling_restart import free_ports
from tests.forms import long
from tests.services import mounted_disk, private_postgres

MIB = 2**20
NOBODY_ANNOUNCES = "redis://127.0.0.1:1/0"
Record = Callable[[str, object], None]


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk of its own, which is the place of temporary files."""
    with mounted_disk("200m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        yield disk


@contextmanager
def full(disk: Path) -> Iterator[None]:
    file = disk / "filling"
    with suppress(OSError), file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(MIB))
    with suppress(OSError), file.open("ab", buffering=0) as filling:
        while True:
            filling.write(bytes(512))
    yield
    file.unlink()


def failed_check(url: str) -> list[str]:
    """Return the checks that failed, none if the process is ready."""
    answer = httpx2.get(f"{url}/readyz", timeout=PATIENCE)
    assert answer.status_code in (200, 503)
    return list(answer.json().get("failed", ()))


def require_unready(url: str, reasons: set[Unready], record_property: Record) -> None:
    """Require that a process becomes not ready, while it lives."""
    began = monotonic()
    assert set(eventually(lambda: failed_check(url))) <= reasons
    record_property("not ready after seconds", round(monotonic() - began, 1))
    assert httpx2.get(f"{url}/livez", timeout=PATIENCE).status_code == 200


@pytest.mark.needs("disks")
@pytest.mark.parametrize(
    "in_file", [True, pytest.param(False, marks=[pytest.mark.needs("own-postgres"), pytest.mark.long])]
)
def test_a_server_with_a_full_disk_is_not_ready_until_there_is_room(
    in_file: bool, tmp_path: Path, small_disk: Path, record_property: Record
) -> None:
    with ExitStack() as stack:
        database_url = f"sqlite:///{small_disk}/allowance.db"
        if not in_file:
            database_url = stack.enter_context(private_postgres(durable=True))
            migrate(database_url)
        _, url = stack.enter_context(Installation(tmp_path, database_url).serving())
        eventually(lambda: not failed_check(url))
        with full(small_disk):
            require_unready(url, {Unready.CANNOT_WRITE, Unready.NO_CONNECTION}, record_property)
        eventually(lambda: not failed_check(url))


def test_a_server_whose_sqlite_is_locked_is_not_ready_until_the_lock_ends(
    tmp_path: Path, record_property: Record
) -> None:
    file = tmp_path / "allowance.db"
    with Installation(tmp_path, f"sqlite:///{file}").serving() as (_, url):
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            require_unready(url, {Unready.CANNOT_WRITE}, record_property)
        eventually(lambda: not failed_check(url))


@pytest.mark.needs("own-postgres", "namespaces")
@pytest.mark.parametrize("command", ["serve", long("worker")])
def test_a_process_whose_database_host_vanishes_is_not_ready(
    command: str, tmp_path: Path, record_property: Record
) -> None:
    with ExitStack() as stack:
        direct = stack.enter_context(private_postgres())
        host = stack.enter_context(vanishing_host(int(direct.rpartition(":")[2].partition("/")[0])))
        migrate(direct)
        through = f"{direct.rpartition('@')[0]}@{host.address}:{host.port}/postgres"
        installation = Installation(tmp_path, through, {"broker_url": NOBODY_ANNOUNCES})
        [port] = free_ports(1)
        option = "--port" if command == "serve" else "--probe-port"
        stack.enter_context(installation.running(command, option, str(port)))
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url) and not failed_check(url))
        host.vanish()
        require_unready(url, {Unready.NO_CONNECTION, Unready.CANNOT_WRITE}, record_property)


def answers(url: str) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{url}/livez", timeout=PATIENCE).status_code == 200
    return False
