"""A connection of HTTP, with bounds on what comes before any token is known.

Limits of uvicorn were weighed: it bounds neither the size of a head nor the time of a head or a body, and its bound on
all connections (`limit_concurrency`) refuses requests on connections that are open already.
"""

import asyncio
from collections.abc import Container
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.connection_guard import ConnectionGuard
from api.http.pace import Pace
from api.metrics import Refusal

MOST_HEAD: Final = 2**16
"""Bytes of the head of a request, and of anything else that is not part of its body."""

MOST_WAITING: Final = 100
"""Requests on a connection that wait for the answer to another. Browsers and most clients send none ahead."""
_LAST_ANSWER: Final = (b"connection", b"close")


class RequestRefused(Exception):
    """A request that ends its connection when its head is complete."""


class HttpConnection(HttpToolsProtocol):
    """A connection of HTTP/1.1. The server looks at it once per second."""

    # More attributes in the dictionary than 30 would slow down all of them.
    __slots__ = ("_body_bytes", "_guard", "_other_bytes", "_pace", "_proxies", "_refusal", "network")

    def __init__(self, guard: ConnectionGuard, proxies: Container[str], **uvicorn: Any) -> None:
        """Serve a connection within the bounds of a guard.

        Args:
            guard: The bounds.
            proxies: The addresses of proxies, whose connections are not counted by address.
            uvicorn: The arguments of uvicorn's protocol.
        """
        super().__init__(**uvicorn)
        self.network = ""
        self._guard = guard
        self._proxies = proxies
        self._pace = Pace()
        self._refusal = Refusal.MALFORMED
        self._body_bytes = 0
        self._other_bytes = 0
        """Bytes since the last part of a body, or since the last head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse the connection if there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        admitted = self._guard.admit(address, transport.get_extra_info("socket").fileno(), self._proxies)
        if isinstance(admitted, Refusal):
            self._end(admitted)
        else:
            self.network = admitted

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place of the connection back."""
        self._guard.release(self.network)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        self._other_bytes += len(data)
        super().data_received(data)
        if self._other_bytes > MOST_HEAD and not self.transport.is_closing():
            self._end(Refusal.HEAD_SIZE)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large although it came in one piece, or too many wait."""
        if self._other_bytes > MOST_HEAD and self._head_size() > MOST_HEAD:
            self._refusal = Refusal.HEAD_SIZE
            raise RequestRefused
        if len(self.pipeline) >= MOST_WAITING:
            self._refusal = Refusal.PIPELINED
            raise RequestRefused
        self._other_bytes = 0
        super().on_headers_complete()
        if self._guard.is_draining and self.cycle is not None:
            # uvicorn's own list of headers is also sent with the answer to a handshake of WebSocket.
            self.cycle.default_headers = [*self.cycle.default_headers, _LAST_ANSWER]

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self._other_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser does not take."""
        self._end(self._refusal)

    def check(self, second: int) -> None:
        """End the connection if its client is too slow; called once per second.

        Args:
            second: The number of the call.
        """
        unread = self.transport.get_write_buffer_size()
        if unread:
            self._pace.seconds_in("unread", second, -unread)
            if self._pace.is_slow(second, -unread, self._guard.least_rate):
                self._guard.count(Refusal.UNREAD)
                self.transport.abort()
        elif not self.transport.is_closing():
            self._check_request(second)

    def _check_request(self, second: int) -> None:
        cycle, guard, pace = self.cycle, self._guard, self._pace
        if cycle is None or cycle.response_complete:
            if self.timeout_keep_alive_task is not None:  # uvicorn ends the connection if nothing comes
                pace.rest()
            elif pace.seconds_in(("head", cycle), second) >= guard.head_seconds:
                self._end(Refusal.HEAD_TIME)
        elif cycle.more_body and not cycle.waiting_for_100_continue:
            # The client is not to blame while this server does not read.
            is_reading = not self.flow.read_paused
            seconds = pace.seconds_in(("body", cycle), second, self._body_bytes)
            is_slow = pace.is_slow(second, self._body_bytes, guard.least_rate)
            if is_reading and (is_slow or seconds >= guard.body_seconds):
                self._end(Refusal.BODY_TIME)
        else:
            pace.rest()

    def _end(self, reason: Refusal) -> None:
        """Refuse the request that is read, and end the connection."""
        response = self._guard.count(reason)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started:
                response = b""
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(response)
        self.transport.close()

    def _head_size(self) -> int:
        """Return the bytes of the head, without white space that has no meaning."""
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1\r\n")
        return line + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers) + len("\r\n")
