"""The operator's command, in processes of its own that a test starts, stops and kills."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import httpx2

from core.access.keys import create_key
from core.database.engine import Database
from tests.api.server import ALL_SCOPES, Client

COMMAND = Path(sys.executable).with_name("allowance")
PATIENCE = 120
"""Seconds that anything may take that is not itself about time: the machine may be busy with other tests."""

T = TypeVar("T")


def eventually(found: Callable[[], T], within: float = PATIENCE) -> T:
    """What `found` returns as soon as that is true; it fails with what it returned last."""
    deadline = monotonic() + within
    while not (result := found()):
        assert monotonic() < deadline, f"still {result!r} after {within} seconds"
        sleep(0.1)
    return result


@dataclass
class Process:
    """A process of the command. Its output is kept in files, so that no pipe fills up."""

    popen: subprocess.Popen[bytes]
    out: Path
    log: Path

    def says(self, text: str, within: float = PATIENCE) -> str:
        """Wait for a line with that text on its output or in its log; the rest of the line."""

        def found() -> str:
            said = self.out.read_text() + self.log.read_text()
            assert text in said or self.popen.poll() is None, f"it ended with {self.popen.returncode}: {said}"
            return said.partition(text)[2].partition("\n")[0] if text in said else ""

        return eventually(found, within)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Ask it to end, which it has to do in peace."""
        self.popen.send_signal(signal.SIGTERM)
        assert self.popen.wait(timeout=PATIENCE) == 0, self.log.read_text()


@dataclass
class Installation:
    """A home directory and settings, which processes of the command are started with."""

    home: Path
    database_url: str
    settings: dict[str, object] = field(default_factory=dict)
    path: tuple[Path, ...] = ()
    """Directories with partners' plugins."""
    open_files: int | None = None
    """The limit of the system on open files of each process, where it is not that of the tests."""
    _numbers: Iterator[int] = field(default_factory=partial(count, 1))

    def run(self, *arguments: str, within: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.home,
            env=self._environment({}),
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, **settings: object) -> Iterator[Process]:
        """Run a command meanwhile, with settings that it alone has; killed at the end where it still runs."""
        name = f"{arguments[0]}-{next(self._numbers)}"
        out, log = self.home / f"{name}.out", self.home / f"{name}.log"
        with out.open("wb") as stdout, log.open("wb") as stderr:
            command = [*self._limited(), str(COMMAND), *arguments]
            environment = self._environment(settings)
            popen = subprocess.Popen(command, cwd=self.home, env=environment, stdout=stdout, stderr=stderr)
        process = Process(popen, out, log)
        try:
            yield process
        finally:
            process.kill()

    @contextmanager
    def serving(self, *options: str, **settings: object) -> Iterator[tuple[Process, str]]:
        """Run a server on a free port meanwhile; the process, and its URL once it answers."""
        with self.running("serve", "--port", "0", *options, **settings) as process:
            url = process.says("My consumption: ").removesuffix("/consumption")
            eventually(lambda: httpx2.get(f"{url}/healthz", timeout=PATIENCE).status_code == 200)
            yield process, url

    @contextmanager
    def working(self, **settings: object) -> Iterator[Process]:
        """Run a worker meanwhile, once it is up."""
        with self.running("worker", **settings) as process:
            process.says("The worker runs.")
            yield process

    def client(self, url: str) -> Client:
        """A client of a server, that may do everything."""
        with closing(Database(self.database_url)) as database, database.write() as session:
            _, token = create_key(session, "a test", ALL_SCOPES, None, datetime.now(UTC))
        return Client(url, token)

    def processes(self) -> list[str]:
        """The command lines of what runs in this home, also of what the processes of the command started (Linux)."""
        return sorted(filter(None, map(self._command_line, Path("/proc").glob("[0-9]*"))))

    def _command_line(self, process: Path) -> str:
        try:
            ours = b"HOME=" + os.fsencode(self.home) in (process / "environ").read_bytes().split(b"\0")
            return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode() if ours else ""
        except (OSError, ProcessLookupError):  # it has ended meanwhile, or is somebody else's
            return ""

    def _limited(self) -> list[str]:
        if self.open_files is None:
            return []
        return ["sh", "-c", f'ulimit -n {self.open_files} && exec "$0" "$@"']

    def _environment(self, more: dict[str, object]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALLOWANCE_")}
        # No proxy has to notice that a server stops.
        settings = {"drain_seconds": 0, "database_url": self.database_url, **self.settings, **more}
        given = {f"ALLOWANCE_{name.upper()}": str(value) for name, value in settings.items()}
        # HOME is handed down to every process that one of these starts.
        return inherited | given | {"HOME": str(self.home), "PYTHONPATH": os.pathsep.join(map(str, self.path))}
