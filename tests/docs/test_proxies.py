"""The configurations of proxies on the operators' page, in real proxies in front of a real server."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.graphql.subscriptions.protocol import PROTOCOL
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW, Socket
from tests.api.http.raw import answer_to, head, status_of
from tests.api.server import Served, serving
from tests.docs.test_operators import PAGE
from tests.e2e.processes import PATIENCE, eventually

PER_ADDRESS = 4
"""Connections that the proxy lets one address hold, instead of the 1,000 of the page."""


class Proxy:
    """A running proxy, which tests reach over TLS."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self.port = port
        self.trust = trust

    @contextmanager
    def connected(self, source: str) -> Iterator[socket.socket]:
        """A connection from an address of this machine."""
        with (
            socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0)) as plain,
            self.trust.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection

    @contextmanager
    def socket(self, source: str, **more: Any) -> Iterator[Socket]:
        """A WebSocket to the server through the proxy, from an address of this machine."""
        uri = f"wss://localhost:{self.port}/graphql"
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0))
        settings: dict[str, Any] = {"subprotocols": [PROTOCOL], "proxy": None, "open_timeout": PATIENCE, **more}
        with plain, connect(uri, sock=plain, ssl=self.trust, **settings) as connection:
            yield Socket(connection)


def configuration(name: str) -> str:
    """The configuration of a proxy on the page."""
    found = re.search(rf"<!-- {name} -->\n```{name}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def replaced(text: str, parts: dict[str, str]) -> str:
    """A configuration with parts that are of this machine instead of those on the page."""
    for old, new in parts.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@contextmanager
def haproxy(folder: Path, server: str, port: int) -> Iterator[None]:
    file = folder / "haproxy.cfg"
    parts = {
        ":443": f"127.0.0.1:{port}",
        "/etc/haproxy/allowance.pem": str(folder / "allowance.pem"),
        "127.0.0.1:8000": server,
        "gt 1000": f"gt {PER_ADDRESS}",
    }
    file.write_text(replaced(configuration("haproxy"), parts))
    with running("haproxy", "-db", "-f", str(file)):
        yield


@contextmanager
def nginx(folder: Path, server: str, port: int) -> Iterator[None]:
    file = folder / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ours = "".join(f"  {kind}_temp_path {folder / kind};\n" for kind in kinds) + "  access_log off;\n"
    parts = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/nginx/allowance.pem": str(folder / "allowance.pem"),
        "/etc/nginx/allowance.key": str(folder / "allowance.pem"),
        "127.0.0.1:8000": server,
        "clients 1000": f"clients {PER_ADDRESS}",
        "http {\n": "http {\n" + ours,
        # The test names the address of a client, since this machine has one address of IPv6.
        "    location / {\n": "    set_real_ip_from 127.0.0.9;\n    real_ip_header X-Test;\n    location / {\n",
    }
    file.write_text(replaced(configuration("nginx"), parts))
    with running("nginx", "-p", str(folder), "-c", str(file), "-e", "stderr", "-g", f"daemon off; pid {folder}/pid;"):
        yield


@contextmanager
def running(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield
            assert process.poll() is None, process.stderr and process.stderr.read()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('proxies') / 'test.db'}"
    settings = Settings(database_url=url, connections_per_address=2, trusted_proxies="127.0.0.1")
    with serving(settings) as served:
        with served.client() as client:
            client.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        yield served


@pytest.fixture(
    scope="module",
    params=[pytest.param(proxy, marks=pytest.mark.needs(proxy.__name__)) for proxy in (haproxy, nginx)],
    ids=["haproxy", "nginx"],
)
def proxy(request: pytest.FixtureRequest, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "allowance.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with request.param(folder, served.url.removeprefix("http://"), port):
        proxy = Proxy(port, trust)
        eventually(lambda: _is_up(proxy))
        yield proxy


def _is_up(proxy: Proxy) -> bool:
    try:
        with proxy.connected("127.0.0.1") as connection:
            return answer_to(connection, head()) == 200
    except OSError:
        return False


def test_requests_are_answered_and_more_connections_than_the_server_gives_an_address(
    proxy: Proxy, served: Served
) -> None:
    with ExitStack() as stack:
        for source in ("127.0.0.2", "127.0.0.3"):
            for _ in range(PER_ADDRESS):
                assert answer_to(stack.enter_context(proxy.connected(source)), head()) == 200


def test_sockets_are_counted_by_the_address_of_the_client_whatever_it_claims(proxy: Proxy, served: Served) -> None:
    token = served.token()
    with ExitStack() as stack:
        for source in ("127.0.0.7", "127.0.0.8"):  # the proxy may still hold connections of the others
            for number in range(2):
                claims = {"X-Forwarded-For": f"192.0.2.{number}"}
                socket = stack.enter_context(proxy.socket(source, additional_headers=claims))
                socket.greet(token)
            with (
                pytest.raises(InvalidStatus) as refused,
                proxy.socket(source, additional_headers={"X-Forwarded-For": "192.0.2.9"}),
            ):
                pass
            assert refused.value.response.status_code == 429
        socket.follow()


def test_events_arrive_as_they_are_sent(proxy: Proxy, served: Served) -> None:
    body = b'{"query":"%s"}' % FOLLOW.replace('"', '\\"').encode()
    token = b"authorization: Bearer " + served.token().encode()
    fields = (token, b"content-type: application/json", b"accept: text/event-stream", b"content-length: %d" % len(body))
    with proxy.connected("127.0.0.4") as connection:
        connection.sendall(head(*fields, method=b"POST", path=b"/graphql") + body)
        received = b""
        while b"event: next" not in received:
            part = connection.recv(65_536)
            assert part, received
            received += part
    assert status_of(received) == 200


def test_the_proxy_bounds_the_connections_of_an_address(proxy: Proxy) -> None:
    with ExitStack() as stack:
        for _ in range(PER_ADDRESS):
            _hold(stack.enter_context(proxy.connected("127.0.0.5")))
        assert _status(proxy, "127.0.0.5") in (0, 429)
        assert _status(proxy, "127.0.0.6") == 200


# HAProxy counts the address of the connection alone, and this machine has one of IPv6.
@pytest.mark.parametrize("proxy", [pytest.param(nginx, marks=pytest.mark.needs("nginx"))], indirect=True, ids=["nginx"])
def test_an_address_of_ipv6_is_counted_by_its_first_64_bits(proxy: Proxy) -> None:
    with ExitStack() as stack:
        for number in range(PER_ADDRESS):
            _hold(stack.enter_context(proxy.connected("127.0.0.9")), b"x-test: 2001:db8::1:%d" % number)
        assert _status(proxy, "127.0.0.9", b"x-test: 2001:db8::2:7") == 429
        assert _status(proxy, "127.0.0.9", b"x-test: 2001:db8:0:1::1") == 200
        assert _status(proxy, "127.0.0.9", b"x-test: 192.0.2.7") == 200


def _hold(connection: socket.socket, *fields: bytes) -> None:
    """Hold a connection, for nginx with a request under way: it counts these."""
    assert answer_to(connection, head(*fields)) == 200
    connection.sendall(head(b"content-length: 10", *fields, method=b"POST", path=b"/graphql"))


def _status(proxy: Proxy, source: str, *fields: bytes) -> int:
    """The status of a request on a further connection, 0 if the proxy ends the connection."""
    try:
        with proxy.connected(source) as connection:
            return answer_to(connection, head(*fields))
    except (OSError, IndexError):
        return 0
