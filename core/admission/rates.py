"""The rates at which an API key may check in at one process."""

from typing import Final

from core.access.rate_limit import RateLimit
from core.errors import RateLimited
from core.settings import Settings

_NEW_BURST: Final = 10
"""Seconds of new installations that a key may bring at once."""


class CheckInRates:
    """The rate of check-ins, and the rate of installations never seen before."""

    def __init__(self, settings: Settings) -> None:
        """Create the rates of the settings."""
        calls, new = settings.check_ins_per_second, settings.new_installations_per_second
        self._calls: Final = RateLimit(calls, calls)
        self._new: Final = RateLimit(new, _NEW_BURST * new)

    def require_call(self, key_id: str) -> None:
        """Count a check-in. Raises :class:`RateLimited` if the key exceeds its rate."""
        if wait := self._calls.take(key_id):
            raise RateLimited("This key checks in more often than it may.", wait)

    def require_new(self, key_id: str) -> None:
        """Count a new installation. Raises :class:`RateLimited` if the key exceeds its rate."""
        if wait := self._new.take(key_id):
            raise RateLimited("This key brings more new installations than it may.", wait)
