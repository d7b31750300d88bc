"""The bounds of all connections of a process, before any token is known."""

import logging
from collections import Counter
from collections.abc import Container
from typing import Final, NamedTuple

import orjson

from api.http.client_network import network_of
from api.http.descriptors import for_connections, limit
from api.http.security_headers import SECURITY_HEADERS
from api.metrics import Metrics, Refusal
from core.settings import Settings

logger = logging.getLogger(__name__)

QUIET: Final = 10
"""Seconds without a refusal after which the log says that connections are accepted again."""


class RefusedResponse(NamedTuple):
    """The response to a client whose connection is refused or ended."""

    status: bytes
    code: str
    message: str
    retry_after: int | None = None

    def encoded(self) -> bytes:
        """Return the response as it is sent. The connection ends with it."""
        body = orjson.dumps({"error": {"code": self.code, "message": self.message}})
        headers = [
            (b"content-type", b"application/json"),
            *([] if self.retry_after is None else [(b"retry-after", b"%d" % self.retry_after)]),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *SECURITY_HEADERS,
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"HTTP/1.1 %s\r\n%s\r\n%s" % (self.status, lines, body)


_RESPONSES: Final = {
    Refusal.DESCRIPTORS: RefusedResponse(
        b"503 Service Unavailable", "OVERLOADED", "The server holds as many connections as it can; come back later.", 5
    ),
    Refusal.ADDRESS: RefusedResponse(
        b"429 Too Many Requests", "TOO_MANY_CONNECTIONS", "This address holds as many connections as it may.", 5
    ),
    Refusal.HEAD_SIZE: RefusedResponse(
        b"431 Request Header Fields Too Large", "TOO_LARGE", "The head of the request is too large."
    ),
    Refusal.HEAD_TIME: RefusedResponse(
        b"408 Request Timeout", "TIMED_OUT", "The head of the request took too long to arrive."
    ),
    Refusal.BODY_TIME: RefusedResponse(b"408 Request Timeout", "TIMED_OUT", "The body of the request came too slowly."),
    Refusal.MALFORMED: RefusedResponse(b"400 Bad Request", "BAD_REQUEST", "This is not a request of HTTP/1.1."),
}


class ConnectionGuard:
    """The counts of connections by address and descriptor, and the bounds that each connection keeps.

    Attributes:
        is_draining: Whether the server stops soon, so that each connection ends with the answer to its next request.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Take the bounds from the settings; count refusals in the metrics."""
        self.is_draining = False
        self.head_seconds = settings.head_seconds
        self.body_seconds = settings.body_seconds
        self.least_rate = settings.least_bytes_per_second
        self.trusted_proxies = settings.trusted_proxies
        self._per_address = settings.connections_per_address
        self._metrics = metrics
        self._counts: Counter[str] = Counter()
        self._limit = limit()
        self._first_refused = None if self._limit is None else for_connections(self._limit)
        self._refused = 0
        self._last_refused = 0
        self._second = 0

    def admit(self, address: str, descriptor: int, proxies: Container[str]) -> str | Refusal:
        """Count a new connection of an address.

        Args:
            address: The address of the other side; empty for a socket of this machine.
            descriptor: The number of the connection's file descriptor.
            proxies: The addresses whose connections are of many clients, and are not counted here.

        Returns:
            The network to hand to :meth:`release` when the connection ends, or the reason to refuse it.
        """
        if self._first_refused is not None and descriptor >= self._first_refused:
            self._report_full()
            return Refusal.DESCRIPTORS
        if not address or address in proxies:
            return ""
        network = network_of(address)
        if self._counts[network] >= self._per_address:
            return Refusal.ADDRESS
        self._counts[network] += 1
        return network

    def release(self, network: str) -> None:
        """End the count of a connection."""
        if network:
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]

    def count(self, reason: Refusal) -> bytes:
        """Count a connection that is refused or ended, and return the response for it; empty if there is none."""
        self._metrics.count_refusal(reason)
        response = _RESPONSES.get(reason)
        return response.encoded() if response else b""

    def look(self, second: int) -> None:
        """Report once that connections are accepted again; called once per second."""
        self._second = second
        if self._refused and second - self._last_refused >= QUIET:
            logger.warning("Connections are accepted again. %d were refused.", self._refused)
            self._refused = 0

    def _report_full(self) -> None:
        if not self._refused:
            logger.error(
                "The limit of %d open files is nearly reached: new connections are refused until others end. Those "
                "that are open are served. Raise the limit (ulimit -n, LimitNOFILE= of systemd), or use more servers.",
                self._limit,
            )
        self._refused += 1
        self._last_refused = self._second
