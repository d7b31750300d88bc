"""A license's hard quota at a moment: the number of places, the window, and the rules of the contract."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import floor
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Admission
from allowance.license import midnight

from core.admission.refusal import refusal_on
from core.admission.window import Window, window_at
from core.licenses.load import LoadedLicense
from core.licenses.quota_terms import QuotaTerms, quota_terms
from core.times import microseconds

MAX_PLACES: Final = 2**62
"""A larger quota counts as none: databases count no further."""
_ZONES: Final = timedelta(hours=26)
"""The most by which the midnights of two time zones differ."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of a license's meter, valid until `valid_until`.

    `places` is None if the contract sets no quota. `refusal` is why every check-in is refused, or None. `revision` is
    the revision of the license when the quota was read; at another revision, the quota has to be read again. `day` is
    today in the license's time zone.
    """

    license_id: int
    license: str
    meter: str
    places: int | None
    terms: QuotaTerms
    window: Window
    refusal: str | None
    revision: int
    day: date
    valid_until: datetime
    starts_at: int
    """The start of the window in microseconds, as places are stored."""

    def remaining(self, used: int) -> int | None:
        """Return the number of places left; None without a quota."""
        return None if self.places is None else max(self.places - used, 0)

    def has_room(self, used: int) -> bool:
        """Return whether a place is left."""
        return self.places is None or used < self.places


def quota_at(license: LoadedLicense, meter: Admission, now: datetime, latest: Window | None) -> Quota:
    """Return the quota at an instant, by the contract in force then.

    If a contract changes the window while it is open, so that the window would begin earlier, it keeps its start: the
    places in it count from there. It also keeps its start if the license's time zone changes.

    Args:
        license: The license.
        meter: The meter with the quota.
        now: The instant.
        latest: The newest window of the license that was opened, or None.
    """
    time_zone = license.license.time_zone
    day = now.astimezone(ZoneInfo(time_zone)).date()
    version = license.version_on(day)
    terms = quota_terms(version.quotas, meter.key) if version else QuotaTerms()
    window = window_at(now, terms, version, time_zone)
    if latest and latest.start <= now and (window.start < latest.start or _is_same(window, latest)):
        window = Window(latest.start, window.end, window.time_zone)
    limit = meter.limit_of(license.contract_on(day))
    return Quota(
        license_id=license.id,
        license=license.license.key,
        meter=meter.key,
        places=None if limit is None or limit.value > MAX_PLACES else floor(limit.value),
        terms=terms,
        window=window,
        refusal=refusal_on(license, day),
        revision=license.revision,
        day=day,
        valid_until=min(window.end, midnight(day + timedelta(days=1), time_zone)),
        starts_at=microseconds(window.start),
    )


def _is_same(window: Window, latest: Window) -> bool:
    """Return whether two windows are the same one in two time zones: they end on the same day, and begin close by."""
    return window.period.end == latest.period.end and window.start - latest.start <= _ZONES
