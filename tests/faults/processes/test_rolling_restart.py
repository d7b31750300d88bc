"""A rolling restart behind HAProxy: each of two servers is replaced under load, and no request fails."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from core.database.engine import Database
from tests.api.server import NO_TLS, Client, cloudevent
from tests.e2e.processes import PATIENCE, Installation, Process, eventually

pytestmark = pytest.mark.needs("postgres", "haproxy")
PROXY = """
global
  stats socket {folder}/stats mode 600

defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s

frontend allowance
  bind 127.0.0.1:{port}
  default_backend servers

backend servers
  balance roundrobin
  option httpchk GET /readyz
  timeout check 10s
  default-server check inter 500ms fall 1 rise 1
  server one 127.0.0.1:{one}
  server two 127.0.0.1:{two}
"""
CLIENTS = 3
"""Clients that send at once, each over a connection that it keeps."""
DRAIN = 6
"""Seconds for which a server serves on. The check of the proxy comes every half second."""
FOLLOW = 'subscription { consumptionChanged(license: "acme") { version } }'


def free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]


class Load:
    """Clients that send events and read, each request once; a request that fails ends its client."""

    def __init__(self, url: str, token: str) -> None:
        self.answered = [0] * CLIENTS
        self.failed: list[str] = []
        self._url, self._token = url, token
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self) -> None:
        """Wait until every client has got several more answers."""
        before = list(self.answered)
        eventually(lambda: self.failed or all(a >= b + 5 for a, b in zip(self.answered, before, strict=True)))
        assert not self.failed

    def _send(self, number: int) -> None:
        with Client(self._url, self._token) as client:
            while not self._stopped.wait(0.05):
                try:
                    id = f"{number}-{self.answered[number]}"
                    answer = client.post_events(cloudevent("interaction.sent", "acme", id))
                    read = client.post("/graphql", json={"query": '{ license(key: "acme") { key } }'})
                    if (answer.status_code, read.status_code) != (200, 200):
                        self.failed.append(f"{answer.status_code} {answer.text} {read.status_code} {read.text}")
                        return
                    assert answer.json()["accepted"] == 1, answer.text
                    self.answered[number] += 1
                except (httpx2.HTTPError, AssertionError) as error:
                    self.failed.append(repr(error))
                    return


@contextmanager
def haproxy(folder: Path, port: int, one: int, two: int) -> Iterator[Callable[[], dict[str, str]]]:
    """Run the proxy; yields what it knows of the servers: their states by name."""
    file = folder / "haproxy.cfg"
    file.write_text(PROXY.format(folder=folder, port=port, one=one, two=two))

    def states() -> dict[str, str]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / "stats"))
            connection.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        rows = [line.split(",") for line in answer.splitlines() if line.startswith("servers,")]
        return {row[1]: row[17] for row in rows}

    with subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL) as process:
        try:
            eventually((folder / "stats").exists)
            yield states
        finally:
            process.terminate()


@contextmanager
def follower(url: str, token: str) -> Iterator[list[str]]:
    """Follow a license by server-sent events; yields the names of the events that came."""
    names: list[str] = []
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    with (
        httpx2.Client(timeout=PATIENCE, verify=NO_TLS) as client,
        client.stream("POST", f"{url}/graphql", headers=headers, json={"query": FOLLOW}) as answer,
    ):

        def read() -> None:
            names.extend(line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: "))
            names.append("the end")

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        yield names
        thread.join(PATIENCE)


def test_no_request_fails_while_each_server_is_restarted(
    tmp_path: Path, new_postgresql: Callable[[], AbstractContextManager[str]]
) -> None:
    port, *ports = free_ports(3)
    names = dict(zip(("one", "two"), ports, strict=True))
    url = f"http://127.0.0.1:{port}"
    with new_postgresql() as database_url, ExitStack() as stack:
        installation = Installation(tmp_path, database_url, {"drain_seconds": DRAIN, "trusted_proxies": "127.0.0.1"})
        servers: dict[str, Process] = {}

        def serve(name: str) -> None:
            running = installation.running("serve", "--port", str(names[name]))
            servers[name] = stack.enter_context(running)
            servers[name].says("My consumption: ")

        for name in names:
            serve(name)
        states = stack.enter_context(haproxy(tmp_path, port, *ports))
        eventually(lambda: states().get("one") == states().get("two") == "UP")
        operator = stack.enter_context(installation.client(url))
        operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        token = str(operator.headers["Authorization"]).removeprefix("Bearer ")
        with Load(url, token) as load:
            load.goes_on()
            for name, at in names.items():
                with follower(f"http://127.0.0.1:{at}", token) as events:
                    eventually(lambda events=events: "next" in events)
                    servers[name].popen.send_signal(signal.SIGTERM)
                    eventually(lambda name=name: states()[name].startswith("DOWN"))
                    load.goes_on()
                    assert servers[name].popen.wait(PATIENCE) == 0
                assert events[-2:] == ["complete", "the end"]
                load.goes_on()
                serve(name)
                eventually(lambda name=name: states()[name] == "UP")
                load.goes_on()
        assert not load.failed
        with closing(Database(database_url)) as database, database.read() as session:
            kept = session.execute(sa.text("SELECT count(*) FROM usage_event")).scalar_one()
        assert kept == sum(load.answered)
