"""The callers of a process, remembered for a moment, so that a busy one does not cost a look-up per request."""

import hashlib
from time import monotonic
from typing import Final

from core.access.keys import Caller, authenticate
from core.database.engine import Database
from core.errors import Unauthenticated

REMEMBERED: Final = 1.0
"""Seconds for which a caller stays known: as long may a revoked key still be taken."""
MOST: Final = 10_000
"""Callers remembered at once."""


class Authenticator:
    """Who an ``Authorization`` header stands for. Thread-safe; one for each process.

    Only callers that were found are remembered, and by a digest: neither tokens nor guesses are held in memory.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, Caller]] = {}

    def remembered(self, authorization: str | None) -> Caller | None:
        """The caller, if it was found within the last second; asks no database."""
        until, caller = self._known.get(_digest(authorization), (0.0, None))
        return caller if monotonic() < until else None

    def last_found(self, authorization: str | None) -> Caller | None:
        """The caller as it was last found, however long ago: for what is answered while the database is away."""
        _, caller = self._known.get(_digest(authorization), (0.0, None))
        return caller

    def caller(self, authorization: str | None) -> Caller:
        """The caller. Raises :class:`core.errors.Unauthenticated`."""
        if known := self.remembered(authorization):
            return known
        asked_at = monotonic()
        with self._database.read() as session:
            try:
                caller = authenticate(session, authorization)
            except Unauthenticated:
                self._known.pop(_digest(authorization), None)
                raise
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[_digest(authorization)] = (asked_at + REMEMBERED, caller)
        return caller


def _digest(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode("utf-8", "replace")).digest()
