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
        return max(0.0, (1 - self.left(caller)) / self._rate)

    def take(self, caller: str, tokens: float = 1) -> float:
        """Take tokens, as many as a bucket holds at the most. Return 0, or the seconds until there are as many."""
        with self._lock:
            left = self._left(caller)
            if left < tokens:
                return (tokens - left) / self._rate
            self._set(caller, left - tokens)
            return 0.0

    def add(self, caller: str, tokens: float) -> None:
        """Give tokens back, or take more than there are: then the caller waits until the debt is paid."""
        with self._lock:
            self._set(caller, min(self._burst, self._left(caller) + tokens))

    def seconds_in_debt(self, caller: str) -> float:
        """Return the seconds until a caller owes nothing."""
        return max(0.0, -self.left(caller) / self._rate)

    def left(self, caller: str) -> float:
        """Return the tokens in the bucket of a caller; below 0 if it owes some."""
        with self._lock:
            return self._left(caller)

    def _left(self, caller: str) -> float:
        tokens, at = self._buckets.get(caller, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - at) * self._rate)

    def _set(self, caller: str, tokens: float) -> None:
        if len(self._buckets) >= MAX_CALLERS and caller not in self._buckets:
            self._buckets.clear()
        self._buckets[caller] = tokens, self._clock()
