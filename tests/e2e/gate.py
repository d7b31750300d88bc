"""A broker that is away and comes back: a gate in front of the real one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Gate:
    """A port that leads to another one while it is open, and takes no connection while it is closed."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse what comes, and cut what is connected."""
        for each in (self._listener, *self._sockets):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._sockets |= {near, far}
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def gate_before(url: str) -> Iterator[tuple[Gate, str]]:
    """A closed gate before the server of that URL, and the URL through the gate."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    gate = Gate((parts.hostname, parts.port))
    try:
        yield gate, url.replace(f":{parts.port}", f":{gate.port}", 1)
    finally:
        gate.close()
