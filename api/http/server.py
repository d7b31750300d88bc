"""The web server that the application runs in."""

import logging
import socket
import sys
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.applications import Starlette

MOST_MESSAGE: Final = 2**16
"""Bytes of one message over WebSocket: an operation, whose text is seldom a tenth of it. Usage by the thousand goes by
HTTP."""
STALLED: Final = 30_000
"""Milliseconds after which a connection is dropped whose other side takes nothing of what was sent to it."""


class Server(uvicorn.Server):
    """One process; calls `started` once it listens."""

    def __init__(self, app: Starlette, *, started: Callable[[], None] = lambda: None, access_log: bool = False) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=access_log,
            timeout_graceful_shutdown=30,
            ws="websockets-sansio",
            ws_max_size=MOST_MESSAGE,
            # It would take more memory for each connection than all the rest, and answers are small.
            ws_per_message_deflate=False,
        )
        super().__init__(config)
        uvicorn_s = logging.getLogger("uvicorn.error")
        uvicorn_s.addFilter(_is_no_refusal)
        if not access_log:  # connections are in the log of requests where there is one
            uvicorn_s.addFilter(_is_no_access)
        self._app = app
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.connections.close()  # what stays open would be waited for
        await super().shutdown(sockets)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Where a handshake is answered with an error status uvicorn says that it was not answered."""
    return "without completing handshake" not in str(record.msg)


def _is_no_access(record: logging.LogRecord) -> bool:
    return '"WebSocket ' not in str(record.msg)


def give_up_on_stalled(listener: socket.socket) -> None:
    """Have connections to this socket dropped when they are stalled, where the system can; before it listens.

    What was written to a connection is kept until the other side takes it, also after the connection was closed here.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED)
