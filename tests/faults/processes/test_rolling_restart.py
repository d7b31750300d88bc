"""A rolling restart behind a proxy: each of two servers is replaced under load, and no request fails."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from core.database.engine import Database
from tests.api.server import NO_TLS, Client, cloudevent
from tests.e2e.processes import PATIENCE, Installation, Process, eventually

pytestmark = pytest.mark.needs("postgres")
HAPROXY = """
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
NGINX = """
pid {folder}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/client;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream servers {{
{servers}    keepalive 64;
    keepalive_timeout 4s;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
CLIENTS = 3
"""Clients that send at once."""
DRAIN = 6
"""Seconds for which a server serves on. The check of the proxy comes every half second."""
FOLLOW = 'subscription { consumptionChanged(license: "acme") { version } }'


def free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]


class Load:
    """Clients that send events and read, each request once; a request that fails ends its client."""

    def __init__(self, url: str, token: str, *, keeps: bool) -> None:
        """Let clients keep their connections, or make a new one for each request."""
        self.answered = [0] * CLIENTS
        self.failed: list[str] = []
        self._url, self._token, self._keeps = url, token, keeps
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
            if not self._keeps:
                client.headers["Connection"] = "close"
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


class Haproxy:
    """HAProxy, which notices by itself that a server is not ready."""

    def __init__(self, stack: ExitStack, folder: Path, port: int, servers: Mapping[str, int]) -> None:
        self._socket = folder / "stats"
        file = folder / "haproxy.cfg"
        file.write_text(HAPROXY.format(folder=folder, port=port, **servers))
        stack.enter_context(running("haproxy", "-db", "-f", str(file)))
        eventually(self._socket.exists)
        for name in servers:
            self.bring_back(name)

    def take_out(self, name: str, stop: Callable[[], None]) -> None:
        """Stop a server, and wait until the proxy has noticed."""
        stop()
        eventually(lambda: self._state(name).startswith("DOWN"))

    def bring_back(self, name: str) -> None:
        """Wait until the proxy has noticed that a server is ready."""
        eventually(lambda: self._state(name) == "UP")

    def _state(self, name: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        rows = [line.split(",") for line in answer.splitlines() if line.startswith(f"servers,{name},")]
        return rows[0][17]


class Nginx:
    """nginx, which looks at no probes: a server is marked before it is stopped."""

    def __init__(self, stack: ExitStack, folder: Path, port: int, servers: Mapping[str, int]) -> None:
        self._file, self._folder, self._port, self._servers = folder / "nginx.conf", folder, port, servers
        self._write(down="")
        command = "nginx", "-p", str(folder), "-c", str(self._file), "-e", "stderr", "-g", "daemon off;"
        self._process = stack.enter_context(running(*command))
        eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)

    def take_out(self, name: str, stop: Callable[[], None]) -> None:
        """Mark a server, and stop it."""
        self._write(down=name)
        self._process.send_signal(signal.SIGHUP)
        stop()

    def bring_back(self, name: str) -> None:
        """Remove the mark of a server."""
        self._write(down="")
        self._process.send_signal(signal.SIGHUP)

    def _write(self, down: str) -> None:
        servers = "".join(
            f"    server 127.0.0.1:{port}{' down' if name == down else ''};\n" for name, port in self._servers.items()
        )
        self._file.write_text(NGINX.format(folder=self._folder, port=self._port, servers=servers))


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
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


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param(Haproxy, marks=[pytest.mark.needs("haproxy"), pytest.mark.long]),
        pytest.param(Nginx, marks=pytest.mark.needs("nginx")),
    ],
)
def test_no_request_fails_while_each_server_is_restarted(
    tmp_path: Path, new_postgresql: Callable[[], AbstractContextManager[str]], proxy: type[Haproxy | Nginx]
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
        before = proxy(stack, tmp_path, port, names)
        operator = stack.enter_context(installation.client(url))
        operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        token = str(operator.headers["Authorization"]).removeprefix("Bearer ")
        # nginx closes the connections of clients when its configuration changes, also at the moment of a request.
        with Load(url, token, keeps=proxy is Haproxy) as load:
            load.goes_on()
            for name, at in names.items():
                with follower(f"http://127.0.0.1:{at}", token) as events:
                    eventually(lambda events=events: "next" in events)
                    before.take_out(name, partial(servers[name].popen.send_signal, signal.SIGTERM))
                    load.goes_on()
                    assert servers[name].popen.wait(PATIENCE) == 0
                assert events[-2:] == ["complete", "the end"]
                load.goes_on()
                serve(name)
                before.bring_back(name)
                load.goes_on()
        assert not load.failed
        with closing(Database(database_url)) as database, database.read() as session:
            kept = session.execute(sa.text("SELECT count(*) FROM usage_event")).scalar_one()
        assert kept == sum(load.answered)
