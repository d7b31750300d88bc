"""The connections that stay open: their bounds, and their end by a revoked key, an ended session or the server."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from enum import Enum
from time import monotonic
from typing import ClassVar, Final

from api.http.client_network import network_of
from api.metrics import Metrics, Refusal
from core.access.keys import Caller, find_revoked
from core.access.sessions import find_ended
from core.database.engine import Database
from core.errors import AllowanceError
from core.settings import Settings

logger = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two checks of the keys and the sessions, by one statement for all of each.

A revoked key, or a session that has ended, works as long as that.
"""
LAST_MESSAGES: Final = 2.0
"""Seconds within which a client has to read the last messages of a server that stops."""

_MESSAGES: Final = {
    Refusal.ADDRESS: "This address holds as many connections as it may.",
    Refusal.UNGREETED: "This address holds as many connections without a token as it may.",
    Refusal.SESSION: "This session holds as many connections as it may.",
    Refusal.KEY: "This key holds as many connections as it may.",
}


class TooManyConnections(AllowanceError):
    """More connections than a key, a session or an address may hold open."""

    code = "TOO_MANY_CONNECTIONS"
    status: ClassVar[int] = 429
    retry_after = 5


class ClientGone(Exception):
    """The client closed the connection, or stopped reading."""


class EndReason(Enum):
    """A reason to end a connection that is not an error of its client."""

    REVOKED = "The key was revoked."
    UNCHECKED = "The key could not be checked for too long."
    EXPIRED = "The session has ended."
    CLOSING = "The server closes."


class ConnectionEnded(Exception):
    """The end of a connection, for a reason."""

    def __init__(self, reason: EndReason) -> None:
        """End the connection."""
        super().__init__(reason.value)
        self.reason = reason


class OpenConnection:
    """An open connection of a caller."""

    def __init__(self, caller: Caller) -> None:
        """Open the connection, on the running event loop."""
        self.caller = caller
        self.reason: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()

    def end(self, reason: EndReason) -> None:
        """End the connection for a reason; later reasons are ignored."""
        if not self.reason.done():
            self.reason.set_result(reason)

    async def until_ended(self) -> None:
        """Wait until the connection has to end, and raise :class:`ConnectionEnded`."""
        raise ConnectionEnded(await self.reason)


class OpenConnections:
    """The open connections of one process, on one event loop."""

    def __init__(self, database: Database, settings: Settings, metrics: Metrics) -> None:
        """Bound connections by the settings.

        Args:
            database: Has the revoked keys and the ended sessions.
            settings: The bounds.
            metrics: Counts refusals.
        """
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._addresses: Counter[str] = Counter()
        self._ungreeted: Counter[str] = Counter()
        self._keys: Counter[str] = Counter()
        self._sessions: Counter[str] = Counter()
        self._open: set[OpenConnection] = set()
        self._watching: asyncio.Task[None] | None = None
        self._is_closing = False

    @contextmanager
    def from_address(self, address: str) -> Iterator[None]:
        """Count a connection of an address during the block. Raises :class:`TooManyConnections`."""
        most = self._settings.connections_per_address
        with self._counted(self._addresses, network_of(address), most, Refusal.ADDRESS):
            yield

    @contextmanager
    def ungreeted(self, address: str) -> Iterator[None]:
        """Count a connection that has shown no token during the block. Raises :class:`TooManyConnections`."""
        most = self._settings.ungreeted_per_address
        with self._counted(self._ungreeted, network_of(address), most, Refusal.UNGREETED):
            yield

    @contextmanager
    def of(self, caller: Caller) -> Iterator[OpenConnection]:
        """Yield a connection of a caller, which counts during the block. Raises :class:`TooManyConnections`."""
        with ExitStack() as held:
            if caller.session:
                most = self._settings.connections_per_session
                held.enter_context(self._counted(self._sessions, caller.session, most, Refusal.SESSION))
            most = self._settings.connections_per_key
            held.enter_context(self._counted(self._keys, caller.account, most, Refusal.KEY))
            connection = OpenConnection(caller)
            self._open.add(connection)
            if self._is_closing:
                connection.end(EndReason.CLOSING)
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch_ends())
            try:
                yield connection
            finally:
                self._open.discard(connection)
                if not self._open and self._watching:
                    self._watching.cancel()
                    self._watching = None

    async def close(self) -> None:
        """End all connections, and each new one at once. Wait until clients that read have got the last messages."""
        self._is_closing = True
        for connection in self._open:
            connection.end(EndReason.CLOSING)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_MESSAGES):
                while self._open:
                    await asyncio.sleep(0.01)

    async def _watch_ends(self) -> None:
        checked_at = monotonic()
        while True:
            await asyncio.sleep(EVERY)
            try:
                keys = list({connection.caller.key_id for connection in self._open})
                revoked, ended = await asyncio.to_thread(self._find_ends, keys, list(self._sessions))
            except Exception:  # any error: without another check, revoked keys would stay connected for ever
                logger.warning("The keys of open connections cannot be checked now.", exc_info=True)
                if monotonic() >= checked_at + self._settings.key_outage_seconds:
                    for connection in self._open:
                        connection.end(EndReason.UNCHECKED)
                revoked, ended = set(), self._ended_by_own_clock()
            else:
                checked_at = monotonic()
            for connection in self._open:
                if connection.caller.key_id in revoked:
                    connection.end(EndReason.REVOKED)
                elif connection.caller.session in ended:
                    connection.end(EndReason.EXPIRED)

    def _find_ends(self, keys: list[str], sessions: list[str]) -> tuple[set[str], set[str]]:
        """Return the ids of the keys that were revoked, and of the sessions that have ended."""
        with self._database.read() as session:
            return find_revoked(session, keys), find_ended(session, sessions)

    def _ended_by_own_clock(self) -> set[str]:
        """Return the ids of the sessions that have ended, by the clock of this host: for while the database is away."""
        now = datetime.now(UTC)
        callers = [connection.caller for connection in self._open]
        return {one.session for one in callers if one.session and one.expires_at and one.expires_at <= now}

    @contextmanager
    def _counted(self, held: Counter[str], holder: str, most: int, reason: Refusal) -> Iterator[None]:
        if held[holder] >= most:
            self._metrics.count_refusal(reason)
            raise TooManyConnections(f"{_MESSAGES[reason]} Close one, or come back later.")
        held[holder] += 1
        try:
            yield
        finally:
            held[holder] -= 1
            if not held[holder]:
                del held[holder]
