"""Answers kept while nothing that they show has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic, time
from typing import Final, NamedTuple

from cachetools import LRUCache
from prometheus_client import Counter

from api.metrics import Operation
from core.access.keys import Caller
from core.consumption.current import load_versions
from core.database.engine import Database

TRUSTED: Final = 1.0
"""Seconds for which an answer is given again without a look at the versions of what it shows."""
MOST_BYTES: Final = 64 * 2**20
MOST_CHANGED: Final = 10_000
LONGEST_QUESTION: Final = 64 * 2**10
_OVERHEAD: Final = 1000
"""Bytes that an answer takes beside its text and what was asked."""


class CacheKey(NamedTuple):
    """What an answer depends on beside the data: who asks, for which media type, and what, byte for byte."""

    caller: Caller
    media_type: str
    method: str
    text: bytes


@dataclass(slots=True)
class CachedAnswer:
    """An answer as it is sent. Where `lasting`, it shows nothing but licenses at these versions, and stays as it is
    while they do, until `good_until`, in seconds since 1970.

    `asked` is how many bytes its question has. `seen_at` is when the versions were last found to be these, on the
    monotonic clock. `given_again` counts how often it was given from memory.
    """

    body: bytes
    asked: int
    status: int
    headers: list[tuple[bytes, bytes]]
    etag: bytes | None
    versions: Mapping[int, int]
    good_until: float
    seen_at: float
    operation: Operation
    given_again: Counter

    @property
    def name(self) -> str:
        """Which operation it answers, for people."""
        return f"{self.operation.kind} {self.operation.name}"

    @property
    def size(self) -> int:
        """Bytes that it takes, with its question."""
        return len(self.body) + self.asked + _OVERHEAD

    @property
    def lasting(self) -> bool:
        return self.good_until > 0


class AnswerCache:
    """The answers of one process, the least recently given forgotten first. Used by one thread, but for `renew`.

    What another process changed shows after `TRUSTED` seconds, what this one committed at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: LRUCache[CacheKey, CachedAnswer] = LRUCache(MOST_BYTES, lambda answer: answer.size)
        self._changed_at: dict[int, float] = {}
        self._changing = Lock()
        database.listen(self.note)

    def trusted(self, question: CacheKey) -> CachedAnswer | None:
        """The answer, where it may be given without a look."""
        try:
            answer = self._kept[question]
        except KeyError:
            return None
        return answer if self.is_trusted(answer) else None

    def kept(self, question: CacheKey) -> CachedAnswer | None:
        """The answer, to be looked at by :meth:`renew` before it is given."""
        return self._kept.get(question)

    def keep(self, question: CacheKey, answer: CachedAnswer) -> None:
        """Keep a lasting answer, unless it alone would push many others out, or a newer one is kept already."""
        if not answer.lasting or answer.size > MOST_BYTES // 16 or len(question.text) > LONGEST_QUESTION:
            return
        kept = self._kept.get(question)
        if kept is None or kept.seen_at <= answer.seen_at:
            self._kept[question] = answer

    def renew(self, answer: CachedAnswer) -> bool:
        """Ask the database whether the answer still shows what is so."""
        seen_at = monotonic()
        if time() >= answer.good_until or load_versions(self._database, answer.versions.keys()) != answer.versions:
            return False
        answer.seen_at = seen_at
        return True

    def is_trusted(self, answer: CachedAnswer) -> bool:
        """Whether it surely shows what is so, or was a moment ago."""
        if monotonic() - answer.seen_at > TRUSTED or time() >= answer.good_until:
            return False
        return all(self._changed_at.get(license_id, 0.0) < answer.seen_at for license_id in answer.versions)

    def note(self, licenses: frozenset[int]) -> None:
        """Trust no answer any more that shows one of these licenses as it was before."""
        with self._changing:
            now = monotonic()
            if len(self._changed_at) > MOST_CHANGED:  # no answer is trusted that was seen before those
                self._changed_at = {one: at for one, at in self._changed_at.items() if now - at <= TRUSTED}
            self._changed_at |= dict.fromkeys(licenses, now)
