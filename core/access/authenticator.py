"""The authentication of callers, cached for a second: a busy caller does not need a query for each request."""

import hashlib
from time import monotonic
from typing import Final

from core.access.keys import Caller, authenticate
from core.database.engine import Database
from core.errors import Unauthenticated

CACHE_SECONDS: Final = 1.0
"""Seconds for which a caller is cached. A revoked key may be accepted for as long."""
MAX_CALLERS: Final = 10_000
"""Callers in the cache."""


class Authenticator:
    """The callers of ``Authorization`` headers. Thread-safe; one for each process.

    The cache holds only callers that exist, by a digest of the header: neither tokens nor guesses are in memory.
    """

    def __init__(self, database: Database) -> None:
        """Create an empty cache."""
        self._database = database
        self._cache: dict[bytes, tuple[float, Caller]] = {}

    def cached_caller(self, authorization: str | None) -> Caller | None:
        """Return the caller if it was found within the last second, without a query; otherwise None."""
        until, caller = self._cache.get(_digest(authorization), (0.0, None))
        return caller if monotonic() < until else None

    def last_caller(self, authorization: str | None) -> Caller | None:
        """Return the caller as it was last found, however long ago, for answers while the database is away."""
        _, caller = self._cache.get(_digest(authorization), (0.0, None))
        return caller

    def find_caller(self, authorization: str | None) -> Caller:
        """Return the caller. Raises :class:`Unauthenticated` if no API key matches."""
        if cached := self.cached_caller(authorization):
            return cached
        queried_at = monotonic()
        with self._database.read() as session:
            try:
                caller = authenticate(session, authorization)
            except Unauthenticated:
                self._cache.pop(_digest(authorization), None)
                raise
        if len(self._cache) >= MAX_CALLERS:
            self._cache.clear()
        self._cache[_digest(authorization)] = (queried_at + CACHE_SECONDS, caller)
        return caller


def _digest(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode("utf-8", "replace")).digest()
