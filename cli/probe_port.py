"""The port of a worker for probes. A worker serves nothing else, so the standard library's server is enough."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

import orjson

from core.readiness import Readiness, document_of

_SECONDS: Final = 10
"""Seconds within which a request has to arrive."""


class _Handler(BaseHTTPRequestHandler):
    """The answers to probes: as those of a server at the same paths."""

    timeout = _SECONDS
    readiness: ClassVar[Readiness]

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/livez":
            self._answer(200, document_of(None))
        elif self.path == "/readyz":
            reason = self.readiness.check().wait()
            self._answer(200 if reason is None else 503, document_of(reason))
        else:
            self._answer(404, {"error": {"code": "NO_SUCH_PATH", "message": "There is nothing at this path."}})

    def version_string(self) -> str:
        """Return no version: it is nobody's business."""
        return "allowance"

    def log_message(self, format: str, *args: Any) -> None:
        """Log no request."""

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = orjson.dumps(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def answer_probes(listener: socket.socket, readiness: Readiness) -> Iterator[None]:
    """Answer ``/livez`` and ``/readyz`` at a bound socket, until the block ends.

    Args:
        listener: The socket, which is closed at the end.
        readiness: The readiness of the process.
    """
    handler = type("Handler", (_Handler,), {"readiness": readiness})
    server = ThreadingHTTPServer(listener.getsockname()[:2], handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_activate()
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="probes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
