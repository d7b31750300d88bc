"""Bounds on frames over WebSocket that carry no message, and on sockets that have shown no token."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from struct import pack
from time import sleep

import pytest
from websockets.exceptions import InvalidStatus

from api.http import server
from api.http.web_socket_connection import MOST_FRAMES
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import socket_to
from tests.api.http.raw import connected, end_of, head, send_until_ended, status_of
from tests.api.http.test_connection import ended
from tests.api.server import Served, serving
from tests.api.test_metrics import samples
from tests.e2e.processes import PATIENCE, eventually

CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
UPGRADE = head(
    b"connection: upgrade",
    b"upgrade: websocket",
    b"sec-websocket-version: 13",
    b"sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==",
    b"sec-websocket-protocol: graphql-transport-ws",
    path=b"/graphql",
)


def frame(kind: int, data: bytes = b"", *, last: bool = True) -> bytes:
    """A frame of a client, whose mask is zero (RFC 6455, section 5.2)."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else pack("!BH", 0xFE, len(data))
    return bytes([last << 7 | kind]) + size + bytes(4) + data


@contextmanager
def upgraded(served: Served) -> Iterator[socket.socket]:
    """A WebSocket, on which a test writes frames."""
    with connected(served.url) as connection:
        connection.sendall(UPGRADE)
        assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
        yield connection


def closed(connection: socket.socket) -> tuple[int, bytes]:
    """Code and reason of the last frame, which has to be the end of the connection."""
    received = end_of(connection)
    size = received.rindex(b"\x88") + 1
    return int.from_bytes(received[size + 1 : size + 3]), received[size + 3 :]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose WebSockets without a token are two for each address."""
    url = f"sqlite:///{tmp_path_factory.mktemp('sockets') / 'test.db'}"
    with serving(Settings(database_url=url, ungreeted_per_address=2)) as served:
        yield served


@pytest.fixture
def refused(served: Served) -> Iterator[dict[str, float]]:
    """The connections that were refused or ended before the test, by reason."""
    with served.client() as client:
        yield {reason: -number for (reason,), number in samples(client, "allowance_connections_refused_total").items()}


@pytest.mark.parametrize(
    ("first", "flood"),
    [
        pytest.param(frame(TEXT, b"{", last=False), frame(CONTINUATION, last=False), id="empty fragments"),
        pytest.param(frame(TEXT, b"{", last=False), frame(CONTINUATION, b" ", last=False), id="small fragments"),
        pytest.param(b"", frame(PING), id="pings"),
        pytest.param(b"", frame(PONG), id="pongs"),
    ],
)
def test_frames_without_a_message_end_the_connection(
    served: Served, refused: dict[str, float], first: bytes, flood: bytes
) -> None:
    with upgraded(served) as connection:
        connection.sendall(first)
        send_until_ended(connection, flood * 10_000)
    eventually(lambda: ended(served, refused) == {"frames": 1})


def test_the_client_learns_why(served: Served) -> None:
    with upgraded(served) as connection:
        connection.sendall(frame(PONG) * (MOST_FRAMES + 1))
        assert closed(connection) == (1008, b"Too many frames without a message")


def test_empty_fragments_leave_a_message_as_it_is_and_take_no_memory(served: Served) -> None:
    text = json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {served.token()}"}}).encode()
    parts = [frame(TEXT, text[:5], last=False), *[frame(CONTINUATION, last=False)] * 900]
    parts += [frame(CONTINUATION, text[5:], last=False), frame(CONTINUATION)]
    with upgraded(served) as connection:
        connection.sendall(b"".join(parts))
        assert connection.recv(100) == b'\x81\x19{"type":"connection_ack"}'


def test_pings_of_a_client_that_reads_nothing_take_no_memory(
    served: Served, refused: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TICKS", 1)
    with upgraded(served) as connection:
        connection.settimeout(1)
        sent = send_until_ended(connection, frame(PING, b"a" * 125) * 100, 0.02)
        assert sent < PATIENCE
    eventually(lambda: ended(served, refused))


def test_sockets_without_a_token_have_a_count_of_their_own(served: Served, refused: dict[str, float]) -> None:
    token = served.token()
    with ExitStack() as stack:
        greeted = [stack.enter_context(socket_to(served, token)) for _ in range(3)]
        waiting = [stack.enter_context(socket_to(served)) for _ in range(2)]
        with pytest.raises(InvalidStatus) as error, socket_to(served):
            pass
        assert error.value.response.status_code == 429
        assert json.loads(error.value.response.body)["error"] == {
            "code": "TOO_MANY_CONNECTIONS",
            "message": "This address holds as many connections without a token as it may. Close one, or come back "
            "later.",
        }
        waiting[0].greet(token)
        with socket_to(served, token):
            greeted[0].say(type="ping")
            assert greeted[0].hear() == {"type": "pong"}
    assert ended(served, refused) == {"ungreeted": 1}


def test_a_client_that_pings_before_its_token_goes_on_for_ten_messages(served: Served) -> None:
    token = served.token()
    with socket_to(served) as socket:
        for _ in range(9):
            socket.say(type="ping")
            assert socket.hear() == {"type": "pong"}
        socket.greet(token)
    with socket_to(served) as socket:
        for _ in range(10):
            socket.say(type="ping")
            assert socket.hear() == {"type": "pong"}
        assert socket.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize("line", [b"x-long: " + b"a" * 9000, b"\r\n".join(b"x-%d: 1" % n for n in range(200))])
def test_a_handshake_with_too_long_or_too_many_fields_is_refused(
    served: Served, refused: dict[str, float], line: bytes
) -> None:
    with connected(served.url) as connection:
        connection.sendall(UPGRADE[:-2] + line + b"\r\n\r\n")
        assert status_of(end_of(connection)) == 431
    assert ended(served, refused) == {"head_size": 1}
    eventually(lambda: served.tasks() <= 2)


def test_the_place_of_an_address_is_free_when_its_sockets_end(tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'test.db'}", connections_per_address=2, trusted_proxies="192.0.2.1"
    )
    with serving(settings) as served:
        token = served.token()
        for _ in range(3):
            with socket_to(served, token), socket_to(served, token), connected(served.url) as third:
                assert end_of(third).startswith(b"HTTP/1.1 429 ")
            sleep(0.1)
            eventually(lambda: served.tasks() <= 2)
