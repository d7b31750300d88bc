"""Connections on which tests send bytes that no client sends."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from tests.e2e.processes import PATIENCE


@contextmanager
def connected(url: str, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection to a server, from an address of this machine."""
    host, port = url.rpartition("/")[2].split(":")
    with socket.create_connection((host, int(port)), PATIENCE, (source, 0)) as connection:
        yield connection


def end_of(connection: socket.socket) -> bytes:
    """Whatever the server sends until it ends the connection, which it has to do."""
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            received += part
    return received


def send_until_ended(connection: socket.socket, part: bytes, pause: float = 0) -> float:
    """Send a part again and again until the server ends the connection; the seconds that this took."""
    began = monotonic()
    while (passed := monotonic() - began) < PATIENCE:
        try:
            connection.sendall(part)
        except ConnectionError:
            return passed
        sleep(pause)
    raise AssertionError(f"still open after {passed} seconds")


def status_of(response: bytes) -> int:
    """The status of a response."""
    return int(response.split(b" ")[1])


def answer_to(connection: socket.socket, request: bytes) -> int:
    """The status of the response to a request, on a connection that stays open."""
    connection.sendall(request)
    response = connection.recv(65_536)
    while b"\r\n\r\n" not in response:
        response += connection.recv(65_536)
    head, _, body = response.partition(b"\r\n\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < length:  # a busy server sends head and body apart
        body += connection.recv(65_536)
    return status_of(response)


def head(*lines: bytes, method: bytes = b"GET", path: bytes = b"/healthz") -> bytes:
    """The head of a request."""
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"host: localhost", *lines, b"", b""])
