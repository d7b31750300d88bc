"""The web server that the application runs in."""

import gc
import logging
import re
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.http.connection import HttpConnection
from api.http.connection_guard import ConnectionGuard
from api.http.web_socket_connection import WebSocketConnection
from core.settings import Settings

MOST_MESSAGE: Final = 2**16
"""Bytes of one message over WebSocket. An operation seldom has a tenth of that; large batches of usage go by HTTP."""
_UNSUBSCRIBE: Final = "/unsubscribe/"
_PATH: Final = 2
"""The position of the path in the arguments of a record of uvicorn's log of requests."""
SWITCH: Final = 0.0005
"""Seconds after which a thread that computes lets another thread run Python. With the default of 5 ms, a small request
waits for that long several times while a costly one is executed."""
MANY_OBJECTS: Final = 50_000
"""New objects after which Python looks for garbage, which stops all threads: for 10 ms at the most, and for 40 ms after
200,000 objects, as in workers. After 20,000 objects it would take 7 % of the time of batches of events."""
STALLED: Final = 30_000
"""Milliseconds after which a connection is dropped whose client reads nothing."""

TICKS: Final = 10
"""Ticks of uvicorn in one second."""
_TOKEN: Final = re.compile(r"(/unsubscribe/)[^/?\s]+")


class Server(uvicorn.Server):
    """A uvicorn server of one process."""

    def __init__(self, app: Starlette, *, started: Callable[[], None] = lambda: None, access_log: bool = False) -> None:
        """Serve an application.

        Args:
            app: The application; its state holds the settings, the readiness, the open connections, and the guard of
                new ones.
            started: Called once the server listens.
            access_log: Whether to log each request.
        """
        guard: ConnectionGuard = app.state.guard
        settings: Settings = app.state.settings
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=access_log,
            server_header=False,
            timeout_graceful_shutdown=settings.grace_seconds,
            forwarded_allow_ips=guard.trusted_proxies,  # None: the variable FORWARDED_ALLOW_IPS
            ws_max_size=MOST_MESSAGE,
            ws_per_message_deflate=False,  # keeps a context for each connection; see CompressLarge
        )
        proxies: Any = ProxyHeadersMiddleware(app, config.forwarded_allow_ips).trusted_hosts  # type: ignore[arg-type]
        http: Any = partial(HttpConnection, guard, proxies)
        web_socket: Any = partial(WebSocketConnection, guard)
        config.http, config.ws = http, web_socket
        super().__init__(config)
        sys.setswitchinterval(SWITCH)
        gc.set_threshold(MANY_OBJECTS, 20, 20)
        log = logging.getLogger("uvicorn.error")
        log.addFilter(_is_no_refusal)
        log.addFilter(_is_no_request)
        logging.getLogger("uvicorn.access").addFilter(_hide_tokens)
        if not access_log:  # only the log of requests shows connections
            log.addFilter(_is_no_access)
        else:
            logging.getLogger("uvicorn.access").addFilter(_hide_token)
        self._app = app
        self._guard = guard
        self._started = started
        self._second = 0
        self._drain_seconds = settings.drain_seconds
        self._drained_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and report that."""
        await super().startup(sockets)
        self._started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. At the first SIGTERM, be not ready at once, but serve on until proxies have noticed."""
        is_first = self._drained_at is None
        self._drained_at = monotonic()
        if sig == signal.SIGTERM and is_first:
            self._drained_at += self._drain_seconds
        self._app.state.readiness.drain()
        self._guard.is_draining = True
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once per second. Return whether to stop now."""
        if counter % TICKS == 0:
            self._second += 1
            self._guard.look(self._second)
            for connection in list(self.server_state.connections):
                connection.check(self._second)  # type: ignore[union-attr]
        return await super().on_tick(counter) and monotonic() >= (self._drained_at or 0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open connections first: uvicorn waits for streams, and closes a WebSocket without a last message."""
        await self._app.state.connections.close()
        await super().shutdown(sockets)


def _hide_token(record: logging.LogRecord) -> bool:
    """Hide the token in the path of the page to unsubscribe, since who has it can change a subscription."""
    arguments = record.args
    if isinstance(arguments, tuple) and len(arguments) > _PATH and str(arguments[_PATH]).startswith(_UNSUBSCRIBE):
        record.args = (*arguments[:_PATH], f"{_UNSUBSCRIBE}…", *arguments[_PATH + 1 :])
    return True


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Drop the message of uvicorn that a handshake was not completed: it was refused with a status."""
    return "without completing handshake" not in str(record.msg)


def _is_no_request(record: logging.LogRecord) -> bool:
    """Drop the messages of uvicorn about malformed requests: a metric counts them, and anybody can send them."""
    return record.msg not in ("Invalid HTTP request received.", "Unsupported upgrade request.")


def _hide_tokens(record: logging.LogRecord) -> bool:
    """Leave the tokens of unsubscribe links out of the log of requests: who has one can unsubscribe."""
    if isinstance(record.args, tuple):
        record.args = tuple(_TOKEN.sub(r"\1…", part) if isinstance(part, str) else part for part in record.args)
    return True


def _is_no_access(record: logging.LogRecord) -> bool:
    return '"WebSocket ' not in str(record.msg)


def give_up_on_stalled(listener: socket.socket) -> None:
    """Let the system drop stalled connections of a socket that does not listen yet; Linux only.

    The system keeps the bytes of a response until the client reads them, also after the server closed the connection.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED)
