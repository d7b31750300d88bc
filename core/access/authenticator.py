"""The authentication of callers, cached for a second: a busy caller does not need a query for each request."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Final

from sqlmodel import Session

from core.access.authenticate import authenticate
from core.access.keys import Caller, find_revoked
from core.access.rate_limit import RateLimit
from core.database.engine import Database
from core.errors import RateLimited, Unauthenticated

CACHE_SECONDS: Final = 1.0
"""Seconds for which a caller is cached. A revoked key, or a session that has ended, may be accepted for as long."""
CHECK_SECONDS: Final = 10.0
"""Seconds between two checks of all remembered keys, which a look-up makes on the way, by one more statement."""
MAX_CALLERS: Final = 10_000
"""Callers in the cache."""
KEY_OUTAGE_SECONDS: Final = 14_400
"""The default of the setting of this name."""
UNKNOWN_TOKENS_PER_SECOND: Final = 100
"""The default of the setting of this name."""


@dataclass(slots=True)
class _KnownCaller:
    """A caller, when its key was last looked up, and when the key was last found not to be revoked (monotonic)."""

    caller: Caller
    found_at: float
    valid_at: float


class Authenticator:
    """The callers of ``Authorization`` headers. Thread-safe; one for each process.

    The cache holds only callers that exist, by a digest of the header: neither tokens nor guesses are in memory.
    """

    def __init__(
        self,
        database: Database,
        *,
        outage_seconds: float = KEY_OUTAGE_SECONDS,
        unknown_per_second: float = UNKNOWN_TOKENS_PER_SECOND,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Create an empty cache.

        Args:
            database: The database with the keys.
            outage_seconds: Seconds for which a key is accepted after its last check, while the database is away.
            unknown_per_second: Unknown tokens per second of a client address that are looked up.
            clock: Returns the time in seconds.
        """
        self._database = database
        self._outage_seconds = outage_seconds
        self._clock = clock
        self._cache: dict[bytes, _KnownCaller] = {}
        self._unknown = RateLimit(unknown_per_second, unknown_per_second, clock)
        self._checking = Lock()
        self._checked_at = clock()

    def cached_caller(self, authorization: str | None) -> Caller | None:
        """Return the caller if it was found within the last second, without a query; otherwise None."""
        known = self._cache.get(_digest(authorization))
        return known.caller if known and self._clock() < known.found_at + CACHE_SECONDS else None

    def last_caller(self, authorization: str | None) -> Caller | None:
        """Return the caller as it was last found, for answers while the database is away.

        None if the key was not found valid within the last `outage_seconds`. While the database answers, revoked keys
        are forgotten within CHECK_SECONDS, if the process serves anybody.
        """
        known = self._cache.get(_digest(authorization))
        return known.caller if known and self._clock() < known.valid_at + self._outage_seconds else None

    def find_caller(self, authorization: str | None, address: str = "") -> Caller:
        """Return the caller.

        Args:
            authorization: The value of the header, None if there is none.
            address: The client's address, for the rate of unknown tokens; empty if it is not known.

        Raises:
            Unauthenticated: No API key or session matches.
            RateLimited: Too many unknown tokens came from the address.
        """
        if cached := self.cached_caller(authorization):
            return cached
        digest, queried_at = _digest(authorization), self._clock()
        if digest not in self._cache and (wait := self._unknown.wait(address)):
            raise RateLimited("Too many unknown tokens come from this address.", wait)
        with self._database.read() as session:
            try:
                caller = authenticate(session, authorization)
            except Unauthenticated:
                self._cache.pop(digest, None)
                if authorization:
                    self._unknown.take(address)
                raise
            self._forget_revoked(session, queried_at)
        if len(self._cache) >= MAX_CALLERS and digest not in self._cache:
            self._make_room()
        self._cache[digest] = _KnownCaller(caller, queried_at, queried_at)
        return caller

    def _make_room(self) -> None:
        """Drop the sessions, or without any of them all callers: keys are needed while the database is away."""
        sessions = [digest for digest, one in list(self._cache.items()) if one.caller.session]
        for digest in sessions:
            self._cache.pop(digest, None)
        if not sessions:
            self._cache.clear()

    def _forget_revoked(self, session: Session, now: float) -> None:
        """Drop callers whose keys are revoked, and note that the others are valid; at most once in CHECK_SECONDS."""
        if now < self._checked_at + CHECK_SECONDS or not self._checking.acquire(blocking=False):
            return
        try:
            self._checked_at = now
            known = list(self._cache.items())
            revoked = find_revoked(session, {one.caller.key_id for _, one in known})
            for digest, one in known:
                if one.caller.key_id in revoked:
                    self._cache.pop(digest, None)
                else:
                    one.valid_at = now
        finally:
            self._checking.release()


def _digest(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode("utf-8", "replace")).digest()
