"""The time that a refused installation stays away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.admission.window import Window
from core.licenses.quota_terms import QuotaTerms

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BackOff:
    """A refusal, and the time from which the installation may check in again."""

    refused_at: datetime
    retry_at: datetime

    @property
    def days(self) -> int:
        """The days between both times, rounded up."""
        return -(-(self.retry_at - self.refused_at) // _DAY)


def back_off(now: datetime, window: Window, terms: QuotaTerms) -> BackOff:
    """Return the back-off of a refusal at `now`: until the window ends, or for the days of the contract if fewer."""
    if terms.back_off_days is None:
        return BackOff(now, window.end)
    return BackOff(now, min(window.end, now + timedelta(days=terms.back_off_days)))
