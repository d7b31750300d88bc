"""Where benchmarks happen: fresh databases, and servers as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from core.access.keys import create_key
from core.database.engine import Database
from tests.bench.findings import NotRun
from tests.cli.command import serving
from tests.conftest import migrate
from tests.services import Services, postgres_databases, sqlite_databases

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A server that listens at an address, and its process."""

    address: str
    pid: int

    def memory(self) -> tuple[float, float] | None:
        """What it holds in memory now, and what it held at the most, in MB; None where this cannot be asked."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return None
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        now, most = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
        return now, most

    def processor_seconds(self) -> float:
        """The processor time that it has taken; 0 where this cannot be asked."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return 0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database with the current schema. Raises :class:`NotRun`."""
    with closing(Services()) as services:
        found = services.find("postgres")
        if found.absence:
            raise NotRun(str(found))
        with postgres_databases(found.url, migrate) as new, new() as url:
            yield url


@contextmanager
def sqlite() -> Iterator[str]:
    """The same in a file of its own."""
    with TemporaryDirectory(prefix="allowance-bench-") as directory, sqlite_databases(migrate) as new:
        yield new(Path(directory, "allowance.db"))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


@contextmanager
def server(url: str, **settings: object) -> Iterator[Server]:
    """One ``allowance serve`` on a database, as an operator starts it."""
    with (
        TemporaryDirectory(prefix="allowance-bench-") as directory,
        serving(cwd=Path(directory), database_url=url, log_level="WARNING", **settings) as (process, address),
    ):
        yield Server(address, process.popen.pid)


def constant(answer: bytes) -> AbstractContextManager[Server]:
    """The yardstick of HTTP: a server of the same make that reads the body and always answers the same."""
    return yardstick([sys.executable, "-m", "tests.bench.constant"], answer)


@contextmanager
def yardstick(command: Sequence[str], given: bytes) -> Iterator[Server]:
    """A server that is no part of ours: it reads what is given to it from stdin and prints its address."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(given)
            process.stdin.close()
            yield Server(process.stdout.readline().decode().strip(), process.pid)
        finally:
            process.kill()


def new_token(database: Database, *scopes: str) -> str:
    """The token of a new key for all licenses."""
    with database.write() as session:
        return create_key(session, "a benchmark", scopes, None, datetime.now(UTC))[1]
