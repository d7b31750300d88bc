"""The web server that the application runs in."""

import logging
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.http.compression import CompressLarge

MOST_MESSAGE: Final = 2**16
"""Bytes of one message over WebSocket. An operation seldom has a tenth of that; large batches of usage go by HTTP."""
STALLED: Final = 30_000
"""Milliseconds after which a connection is dropped whose client reads nothing."""


_COMPRESS_LARGE: Final = CompressLarge()


class _CompressingProtocol(WebSocketsSansIOProtocol):
    """The protocol of WebSocket, which compresses large messages if the client can."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn.available_extensions = [_COMPRESS_LARGE]


class Server(uvicorn.Server):
    """A uvicorn server of one process."""

    def __init__(self, app: Starlette, *, started: Callable[[], None] = lambda: None, access_log: bool = False) -> None:
        """Serve an application.

        Args:
            app: The application; its state holds its open connections.
            started: Called once the server listens.
            access_log: Whether to log each request.
        """
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=access_log,
            timeout_graceful_shutdown=30,
            ws=_CompressingProtocol,
            ws_max_size=MOST_MESSAGE,
            ws_per_message_deflate=False,  # keeps a context for each connection; see CompressLarge
        )
        super().__init__(config)
        log = logging.getLogger("uvicorn.error")
        log.addFilter(_is_no_refusal)
        if not access_log:  # only the log of requests shows connections
            log.addFilter(_is_no_access)
        self._app = app
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and report that."""
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open connections first, since uvicorn waits for them."""
        self._app.state.connections.close()
        await super().shutdown(sockets)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Drop the message of uvicorn that a handshake was not completed: it was refused with a status."""
    return "without completing handshake" not in str(record.msg)


def _is_no_access(record: logging.LogRecord) -> bool:
    return '"WebSocket ' not in str(record.msg)


def give_up_on_stalled(listener: socket.socket) -> None:
    """Let the system drop stalled connections of a socket that does not listen yet; Linux only.

    The system keeps the bytes of a response until the client reads them, also after the server closed the connection.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED)
