"""A real HTTP server that notes what it receives, and answers well or badly."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Talk = Callable[[socket.socket, threading.Event], None]
"""What it does once it has a request: on its connection, until the event says that the test is over."""


@dataclass(frozen=True)
class Request:
    """A request as it came in; headers have lower-case names."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """The server: its port, what it received, and what it answers."""

    port: int
    talk: Talk
    requests: list[Request] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    """What clients asked for in TLS."""

    def url(self, host: str = "127.0.0.1", path: str = "/hooks", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> Talk:
    """An answer as HTTP has it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    raw = "\r\n".join([*lines, "", ""]).encode() + body

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(raw)

    return talk


@contextmanager
def receiving(
    talk: Talk | None = None, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """A server on a free port until the block ends."""
    over = threading.Event()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        receiver = Receiver(listening.getsockname()[1], talk or answer())
        if tls:
            tls.sni_callback = lambda _, name, __: receiver.server_names.append(name)
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                if tls:
                    connection = tls.wrap_socket(connection, server_side=True)
                with connection:
                    receiver.requests.append(_read(connection))
                    receiver.talk(connection, over)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield receiver
        finally:
            over.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as lines:
        line = lines.readline().decode("latin-1").strip()
        headers = {}
        while header := lines.readline().strip():
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, lines.read(int(headers.get("content-length", 0))))
