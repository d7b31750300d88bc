"""The connections that stay open: how many there may be, and when one has to end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import ClassVar, Final

from core.access.keys import Caller, find_revoked
from core.database.engine import Database
from core.errors import AllowanceError
from core.settings import Settings

logger = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two looks at the keys, by one statement for all: as long may a revoked key still be taken."""


class TooManyConnections(AllowanceError):
    """More connections than a key or an address may hold."""

    code = "TOO_MANY_CONNECTIONS"
    status: ClassVar[int] = 429
    retry_after = 5


class ClientGone(Exception):
    """The client went away, or takes nothing any more."""


class EndReason(Enum):
    """Why a connection ends that did nothing wrong."""

    REVOKED = "The key was revoked."
    CLOSING = "The server closes."


class ConnectionEnded(Exception):
    """A connection has to end."""

    def __init__(self, reason: EndReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class OpenConnection:
    """One that stays open, of a caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.reason: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()

    def end(self, reason: EndReason) -> None:
        if not self.reason.done():
            self.reason.set_result(reason)

    async def until_ended(self) -> None:
        """Raise :class:`ConnectionEnded` when it has to end."""
        raise ConnectionEnded(await self.reason)


class OpenConnections:
    """All of one process, on one event loop."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._addresses: Counter[str] = Counter()
        self._keys: Counter[str] = Counter()
        self._open: set[OpenConnection] = set()
        self._looking: asyncio.Task[None] | None = None
        self._is_closing = False

    @contextmanager
    def from_address(self, address: str) -> Iterator[None]:
        """Hold a place of the address while the block lasts. Raises :class:`TooManyConnections`."""
        most = self._settings.connections_per_address
        with _place(self._addresses, address, most, "This address holds as many connections as it may."):
            yield

    @contextmanager
    def of(self, caller: Caller) -> Iterator[OpenConnection]:
        """A connection of the caller while the block lasts. Raises :class:`TooManyConnections`."""
        most = self._settings.connections_per_key
        with _place(self._keys, caller.key_id, most, "This key holds as many connections as it may."):
            connection = OpenConnection(caller)
            self._open.add(connection)
            if self._is_closing:
                connection.end(EndReason.CLOSING)
            if self._looking is None:
                self._looking = asyncio.create_task(self._keep_looking())
            try:
                yield connection
            finally:
                self._open.discard(connection)
                if not self._open and self._looking:
                    self._looking.cancel()
                    self._looking = None

    def close(self) -> None:
        """End all connections, and every new one at once."""
        self._is_closing = True
        for connection in self._open:
            connection.end(EndReason.CLOSING)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                revoked = await asyncio.to_thread(self._find_revoked, list(self._keys))
            except Exception:  # whatever it is, without a next look revoked keys would stay connected for ever
                logger.warning("the keys of connections cannot be looked at now", exc_info=True)
                continue
            for connection in self._open:
                if connection.caller.key_id in revoked:
                    connection.end(EndReason.REVOKED)

    def _find_revoked(self, keys: list[str]) -> set[str]:
        with self._database.read() as session:
            return find_revoked(session, keys)


@contextmanager
def _place(held: Counter[str], holder: str, most: int, message: str) -> Iterator[None]:
    if held[holder] >= most:
        raise TooManyConnections(f"{message} Close one, or come back later.")
    held[holder] += 1
    try:
        yield
    finally:
        held[holder] -= 1
        if not held[holder]:
            del held[holder]
