"""A connection of WebSocket, which compresses large messages, with bounds on frames that carry no message."""

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from api.http.compression import CompressLarge
from api.http.connection import HttpConnection
from api.http.connection_guard import ConnectionGuard
from api.http.pace import Pace
from api.metrics import Refusal

MOST_FRAMES: Final = 2000
"""Frames per second that end no message: parts of messages, pings and pongs. A client sends a few in a minute."""
SLICE: Final = 4096
"""Bytes that are parsed at once, so that a full buffer of empty frames does not hold the event loop."""
_COMPRESS_LARGE: Final = CompressLarge()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A connection of WebSocket. The server looks at it once per second."""

    def __init__(self, guard: ConnectionGuard, **uvicorn: Any) -> None:
        """Serve a connection within the bounds of a guard; `uvicorn` are the arguments of uvicorn's protocol."""
        super().__init__(**uvicorn)
        self.conn.available_extensions = [_COMPRESS_LARGE]
        self._guard = guard
        self._pace = Pace()
        self._frames = 0
        self._network = ""

    def connection_made(self, transport: Any) -> None:
        """Take over the connection, and its place, from HTTP."""
        before = transport.get_protocol()
        if isinstance(before, HttpConnection):
            self._network = before.network
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place of the connection back."""
        self._guard.release(self._network)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read frames."""
        for start in range(0, len(data), SLICE):
            if self.close_sent and self.transport.is_closing():
                return
            super().data_received(data[start : start + SLICE])
        # The first data is the whole head. If websockets does not take it, uvicorn would wait for ever.
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(self._guard.count(Refusal.HEAD_SIZE))
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message; an empty part in the middle is dropped."""
        if self._is_frame_allowed() and (event.fin or event.data):
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless the client reads no answers (RFC 6455, section 5.5.3)."""
        pongs = b"".join(self.conn.data_to_send())
        if self._is_frame_allowed() and self.writable.is_set():
            self.transport.write(pongs)

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        if self._is_frame_allowed():
            super().handle_pong(event)

    def check(self, second: int) -> None:
        """End the connection if its client reads too slowly; called once per second."""
        self._frames = 0
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._pace.rest()
            return
        self._pace.seconds_in("unread", second, -unread)
        if self._pace.is_slow(second, -unread, self._guard.least_rate):
            self._guard.count(Refusal.UNREAD)
            self.transport.abort()

    def _is_frame_allowed(self) -> bool:
        """Count a frame without a message; close the connection if there are too many of them."""
        self._frames += 1
        if self._frames > MOST_FRAMES and not self.close_sent:
            self._guard.count(Refusal.FRAMES)
            self.conn.fail(CloseCode.POLICY_VIOLATION, "Too many frames without a message")
            self.handle_parser_exception()
        return not self.close_sent
