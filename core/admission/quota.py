"""A license's hard quota as it stands at a moment: how many places there are, in which window, by which rules."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import floor
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Admission
from allowance.license import midnight

from core.admission.window import Window, window_at
from core.licenses.load import LoadedLicense
from core.licenses.quota_terms import QuotaTerms, quota_terms
from core.times import microseconds

UNBOUNDED: Final = 2**62
"""A quota beyond it could never be told from none, and a database counts no further."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of a license's meter, right until `valid_until`.

    `places` is None where the contract sets no quota. `versions` is the newest contract version that the license
    had when it was read: with a newer one, it has to be read again. `day` is today in the license's time zone.
    """

    license_id: int
    license: str
    meter: str
    places: int | None
    terms: QuotaTerms
    window: Window
    versions: int
    day: date
    valid_until: datetime
    starts_at: int
    """The window's start as places keep it, in microseconds."""

    def remaining(self, used: int) -> int | None:
        """The places that are left; None without a quota."""
        return None if self.places is None else max(self.places - used, 0)

    def has_room(self, used: int) -> bool:
        return self.places is None or used < self.places


def quota_at(license: LoadedLicense, meter: Admission, now: datetime, latest: Window | None) -> Quota:
    """The quota at an instant by the contract in force. `latest` is the newest window that was ever opened.

    A window that a contract changes while it is open goes on where it would otherwise begin earlier: nobody's
    place can be in a window that is already over.
    """
    time_zone = license.license.time_zone
    day = now.astimezone(ZoneInfo(time_zone)).date()
    version = license.version_on(day)
    terms = quota_terms(version.quotas, meter.key) if version else QuotaTerms()
    window = window_at(now, terms, version, time_zone)
    if latest and window.start < latest.start <= now:
        window = Window(latest.start, window.end, window.time_zone)
    limit = meter.limit_of(license.contract_on(day))
    return Quota(
        license_id=license.id,
        license=license.license.key,
        meter=meter.key,
        places=None if limit is None or limit.value > UNBOUNDED else floor(limit.value),
        terms=terms,
        window=window,
        versions=max((version.version for version in license.versions), default=0),
        day=day,
        valid_until=min(window.end, midnight(day + timedelta(days=1), time_zone)),
        starts_at=microseconds(window.start),
    )
