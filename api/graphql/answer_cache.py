"""A cache of answers, each valid while the licenses that it shows do not change."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic, time
from typing import Final, NamedTuple

from prometheus_client import Counter

from api.graphql.shared_cache import SharedCache
from api.metrics import OperationLabels
from core.access.keys import Caller
from core.consumption.current import load_versions
from core.database.engine import Database
from core.languages.negotiation import Languages

FRESH: Final = 1.0
"""Seconds for which an answer is sent again without a look at the versions of its licenses."""
MOST_BYTES: Final = 64 * 2**20
MOST_CHANGED: Final = 10_000
LARGEST_KEY: Final = 64 * 2**10
_OVERHEAD: Final = 1000
"""Bytes of memory that an answer takes beside its body and its key."""


class CacheKey(NamedTuple):
    """All that an answer depends on beside the data: the caller, form, languages, and the bytes of the request."""

    caller: Caller
    media_type: str
    takes_gzip: bool
    languages: Languages
    method: str
    text: bytes
    """The query of the URL for GET, else the body."""


@dataclass(slots=True)
class CachedAnswer:
    """An answer as it is sent, with all that decides how long it may be sent again.

    A cacheable answer shows nothing but licenses at the given versions. It stays valid while the licenses stay at these
    versions, until `expires_at`.
    """

    body: bytes
    """Compressed if the headers say so."""
    key_size: int
    """Bytes of the request's text."""
    status: int
    headers: list[tuple[bytes, bytes]]
    etag: bytes | None
    versions: Mapping[int, int]
    """Versions of the licenses that it shows, by the licenses' ids."""
    expires_at: float
    """Seconds since 1970; 0 if the answer shows anything but licenses, and cannot be cached."""
    seen_at: float
    """The last moment at which the versions were current, on the clock of :func:`time.monotonic`."""
    operation: OperationLabels
    memory_counter: Counter
    """Counts how often it is sent from memory."""

    @property
    def name(self) -> str:
        """The kind and name of the operation, for traces."""
        return f"{self.operation.kind} {self.operation.name}"

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, with its key."""
        return len(self.body) + self.key_size + _OVERHEAD

    @property
    def is_cacheable(self) -> bool:
        """True if it shows nothing but licenses at known versions."""
        return self.expires_at > 0


class AnswerCache:
    """The cached answers of one process; the least recently used are dropped first.

    Changes by another process show after FRESH seconds, changes by this process at once. All methods but
    `revalidate` and `invalidate` run on the event loop's thread.
    """

    def __init__(self, database: Database, share: int = MOST_BYTES) -> None:
        """Listen to the changes that this process commits to the database.

        Args:
            database: The database.
            share: Bytes of the answers of one API key.
        """
        self._database = database
        self._answers: SharedCache[CacheKey, CachedAnswer] = SharedCache(MOST_BYTES, share, lambda answer: answer.size)
        self._changed_at: dict[int, float] = {}
        self._changing = Lock()
        database.listen(self.invalidate)

    def get_fresh(self, key: CacheKey) -> CachedAnswer | None:
        """Return the cached answer if it is fresh, else None."""
        answer = self._answers.get(key)
        return answer if answer is not None and self.is_fresh(answer) else None

    def get(self, key: CacheKey) -> CachedAnswer | None:
        """Return the cached answer, None if there is none. It must be revalidated before it is sent."""
        return self._answers.get(key)

    def put(self, key: CacheKey, answer: CachedAnswer) -> None:
        """Cache an answer if it is cacheable, small enough, and the newest for its key."""
        if not answer.is_cacheable or answer.size > MOST_BYTES // 16 or len(key.text) > LARGEST_KEY:
            return
        cached = self._answers.get(key)
        if cached is None or cached.seen_at <= answer.seen_at:
            self._answers.put(key, answer, key.caller.key_id)

    def revalidate(self, answer: CachedAnswer) -> bool:
        """Return whether the answer is still valid, by the versions in the database; if so, it is fresh again."""
        seen_at = monotonic()
        if time() >= answer.expires_at or load_versions(self._database, answer.versions.keys()) != answer.versions:
            return False
        answer.seen_at = seen_at
        return True

    def is_fresh(self, answer: CachedAnswer) -> bool:
        """Return whether the answer was valid within the last FRESH seconds and this process changed nothing since."""
        if monotonic() - answer.seen_at > FRESH or time() >= answer.expires_at:
            return False
        return all(self._changed_at.get(license_id, 0.0) < answer.seen_at for license_id in answer.versions)

    def invalidate(self, licenses: frozenset[int]) -> None:
        """Mark the answers that show one of these licenses as no longer fresh."""
        with self._changing:
            now = monotonic()
            if len(self._changed_at) > MOST_CHANGED:  # older changes matter no more: no answer from before is fresh
                self._changed_at = {id: at for id, at in self._changed_at.items() if now - at <= FRESH}
            self._changed_at |= dict.fromkeys(licenses, now)
