"""How much a caller may do in a time: a bucket of tokens for each, refilled at a steady rate.

limits and throttled-py were weighed: limits counts in windows and has no bucket of tokens, and throttled-py counts in
whole seconds and whole tokens, so that the time to wait would be wrong by up to a second.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

MOST_CALLERS: Final = 10_000


class RateLimit:
    """So many a second for each caller, and up to `burst` of what was not used before. Thread-safe, in memory.

    Callers beyond :data:`MOST_CALLERS` are forgotten together, and begin with full buckets again.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> float:
        """Take one; 0 where there was one, otherwise the seconds until there is."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.get(caller, (self._burst, now))
            tokens = min(self._burst, tokens + (now - at) * self._rate)
            if tokens < 1:
                self._buckets[caller] = tokens, now
                return (1 - tokens) / self._rate
            if len(self._buckets) >= MOST_CALLERS and caller not in self._buckets:
                self._buckets.clear()
            self._buckets[caller] = tokens - 1, now
            return 0.0
