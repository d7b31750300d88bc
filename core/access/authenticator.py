"""Callers by their token, remembered for a moment: a key is looked up once a second, not for every request."""

import time
from typing import Final

from core.access.keys import Caller, authenticate
from core.database.engine import Database

REMEMBERED: Final = 1.0
"""Seconds for which a caller is remembered; a revoked key is refused by every process after that."""
MOST_REMEMBERED: Final = 10_000


class Authenticator:
    """Remembers callers of one process. Thread-safe: a lost entry costs one look-up."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[str, tuple[float, Caller]] = {}

    def remembered(self, authorization: str | None) -> Caller | None:
        """The caller of an ``Authorization`` header, where it is remembered; asks no database."""
        found = self._remembered.get(authorization or "")
        return found[1] if found and found[0] > time.monotonic() else None

    def caller(self, authorization: str | None) -> Caller:
        """The caller of an ``Authorization`` header. Raises :class:`core.errors.Unauthenticated`."""
        known = self.remembered(authorization)
        if known is not None:
            return known
        with self._database.read() as session:
            caller = authenticate(session, authorization)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[authorization or ""] = (time.monotonic() + REMEMBERED, caller)
        return caller
