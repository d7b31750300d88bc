"""Where a soak happens: servers on fixed ports, a database, and what may be killed of them."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import sleep

from tests.conftest import migrate
from tests.e2e.processes import Installation, Process
from tests.services import PostgresServer, private_server

ROOT = Path(__file__).parents[2]
"""Where this is, so that a copy of it soaks the servers of the copy."""


@dataclass
class Place:
    """Servers of one installation, each at a port that it keeps through its kills."""

    installation: Installation
    ports: Sequence[int]
    postgres: PostgresServer | None
    kills: dict[str, int] = field(default_factory=lambda: {"server": 0, "database": 0})
    _running: dict[int, tuple[Process, ExitStack]] = field(default_factory=dict)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def start(self) -> None:
        """Start what does not run."""
        for port in self.ports:
            if port not in self._running:
                stack = ExitStack()
                process, _ = stack.enter_context(self.installation.serving("--port", str(port), log_level="WARNING"))
                self._running[port] = process, stack

    def kill_something(self, random: Random) -> None:
        """Kill servers, or the database, or both, and after a moment start them again."""
        victims = random.sample(self.ports, random.randint(1, len(self.ports)))
        database = self.postgres if random.random() < 0.5 else None
        if database and random.random() < 0.7:
            victims = []
        for port in victims:
            process, stack = self._running.pop(port)
            process.kill()
            stack.close()
            self.kills["server"] += 1
        if database:
            database.kill()
            self.kills["database"] += 1
        sleep(random.uniform(0, 1.5))
        if database:
            database.start()
        self.start()

    def memory(self) -> float:
        """The most memory that any of the servers holds, in MB (Linux)."""
        statuses = (Path(f"/proc/{process.popen.pid}/status").read_text() for process, _ in self._running.values())
        return max(int(status.partition("VmRSS:")[2].split()[0]) / 1000 for status in statuses)

    def logs(self) -> str:
        """What all servers have logged."""
        return "".join(log.read_text() for log in sorted(self.installation.home.glob("*.log")))

    def close(self) -> None:
        for _, stack in self._running.values():
            stack.close()


@contextmanager
def on_sqlite(home: Path) -> Iterator[Place]:
    """One server on a file."""
    place = Place(Installation(home, f"sqlite:///{home}/allowance.db", path=(ROOT,)), _free_ports(1), None)
    try:
        yield place
    finally:
        place.close()


@contextmanager
def on_postgresql(home: Path, servers: int = 2) -> Iterator[Place]:
    """Servers on a PostgreSQL server of their own, which may be killed as they may."""
    with private_server(durable=True) as server:
        migrate(server.url)
        place = Place(Installation(home, server.url, path=(ROOT,)), _free_ports(servers), server)
        try:
            yield place
        finally:
            place.close()


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
