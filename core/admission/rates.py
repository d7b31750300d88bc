"""The rates at which an API key may check in at one process."""

from typing import Final

from core.access.rate_limit import RateLimit
from core.admission.quota import Quota
from core.errors import RateLimited
from core.settings import Settings

_NEW_BURST: Final = 10
"""Seconds of new installations that a key may bring at once."""
_HOUR_SECONDS: Final = 3600.0
_LEAST_NEWCOMERS: Final = 10
_MOST_NEWCOMERS: Final = 1000
_ROUNDING: Final = 1e-6
"""Seconds by which a newcomer takes less than its part of an hour, so that rounding leaves no newcomer out."""


class CheckInRates:
    """The rate of check-ins, and the rate of installations never seen before.

    Made-up installations could take every place of a quota, so newcomers to a quota have a lower rate of their own.
    """

    def __init__(self, settings: Settings) -> None:
        """Create the rates of the settings."""
        calls, new = settings.check_ins_per_second, settings.new_installations_per_second
        self._calls: Final = RateLimit(calls, calls)
        self._new: Final = RateLimit(new, _NEW_BURST * new)
        self._newcomers_per_hour: Final = settings.quota_newcomers_per_hour
        # A bucket holds the seconds of an hour, since quotas have different rates.
        self._newcomers: Final = RateLimit(1, _HOUR_SECONDS)

    def require_call(self, key_id: str) -> None:
        """Count a check-in. Raises :class:`RateLimited` if the key exceeds its rate."""
        if wait := self._calls.take(key_id):
            raise RateLimited("This key checks in more often than it may.", wait)

    def require_new(self, key_id: str, quota: Quota, used: int, *, is_signed: bool) -> None:
        """Count a new installation.

        Args:
            key_id: The key.
            quota: The quota of which the installation requests a place.
            used: The places that are taken. At a full quota newcomers are refused, by a rate of its own.
            is_signed: Whether its identifier is signed. Such an installation is not made up, and is no newcomer.

        Raises:
            RateLimited: The key exceeds its rate, or its rate of newcomers to this quota.
        """
        if wait := self._new.take(key_id):
            raise RateLimited("This key brings more new installations than it may.", wait)
        if quota.places is None or is_signed:
            return
        has_room = quota.has_room(used)
        by_default = newcomers_per_hour(quota.places) if has_room else _MOST_NEWCOMERS
        seconds = _HOUR_SECONDS / (self._newcomers_per_hour or by_default)
        if wait := self._newcomers.take(f"{key_id} {quota.license_id} {quota.meter} {has_room}", seconds - _ROUNDING):
            raise RateLimited(
                "This key brings more new installations an hour than it may to a license with a quota.", wait
            )


def newcomers_per_hour(places: int) -> int:
    """Return the newcomers that a key may bring an hour to a quota by default.

    As many may come at once, so no key fills a quota of 20 places or more within an hour, and a whole fleet gets its
    places in an hour. More than 1,000 an hour are rare, and would be many to free.
    """
    return min(max(places // 2, _LEAST_NEWCOMERS), _MOST_NEWCOMERS)
