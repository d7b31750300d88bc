"""The rates at which an API key may check in at one process."""

from typing import Final

from core.access.rate_limit import RateLimit
from core.admission.quota import Quota
from core.errors import RateLimited
from core.settings import Settings

_NEW_BURST: Final = 10
"""Seconds of new installations that a key may bring at once."""
_HOUR_SECONDS: Final = 3600


class CheckInRates:
    """The rate of check-ins, and the rate of installations never seen before.

    Made-up installations could take every place of a quota, so newcomers to a quota have a lower rate of their own.
    """

    def __init__(self, settings: Settings) -> None:
        """Create the rates of the settings."""
        calls, new = settings.check_ins_per_second, settings.new_installations_per_second
        self._calls: Final = RateLimit(calls, calls)
        self._new: Final = RateLimit(new, _NEW_BURST * new)
        newcomers = settings.quota_newcomers_per_hour
        self._newcomers: Final = RateLimit(newcomers / _HOUR_SECONDS, newcomers)

    def require_call(self, key_id: str) -> None:
        """Count a check-in. Raises :class:`RateLimited` if the key exceeds its rate."""
        if wait := self._calls.take(key_id):
            raise RateLimited("This key checks in more often than it may.", wait)

    def require_new(self, key_id: str, quota: Quota) -> None:
        """Count a new installation.

        Args:
            key_id: The key.
            quota: The quota of which the installation requests a place.

        Raises:
            RateLimited: The key exceeds its rate, or its rate of newcomers to this quota.
        """
        if wait := self._new.take(key_id):
            raise RateLimited("This key brings more new installations than it may.", wait)
        if quota.places is None:
            return
        if wait := self._newcomers.take(f"{key_id} {quota.license_id} {quota.meter}"):
            raise RateLimited(
                "This key brings more new installations an hour than it may to a license with a quota.", wait
            )
