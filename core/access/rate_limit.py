"""Rate limits: a token bucket for each caller, refilled at a steady rate.

limits and throttled-py were weighed: limits counts in windows and has no token bucket, and throttled-py counts in
whole seconds and whole tokens, so that the time to wait would be wrong by up to a second.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

MAX_CALLERS: Final = 10_000
"""Buckets in memory."""


class RateLimit:
    """A rate limit for each caller, in the memory of this process. Thread-safe.

    With more than :data:`MAX_CALLERS` callers all buckets are dropped: the callers begin with full buckets again.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        """Create the limit.

        Args:
            rate: Tokens per second.
            burst: The size of a bucket.
            clock: Returns the time in seconds.
        """
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Return the seconds until there is a token, without taking it; 0 if there is one."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.get(caller, (self._burst, now))
        return max(0.0, (1 - tokens) / self._rate - (now - at))

    def take(self, caller: str) -> float:
        """Take a token. Return 0 if there was one, otherwise the seconds until there is."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.get(caller, (self._burst, now))
            tokens = min(self._burst, tokens + (now - at) * self._rate)
            if tokens < 1:
                self._buckets[caller] = tokens, now
                return (1 - tokens) / self._rate
            if len(self._buckets) >= MAX_CALLERS and caller not in self._buckets:
                self._buckets.clear()
            self._buckets[caller] = tokens - 1, now
            return 0.0
