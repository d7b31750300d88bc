"""How long a refused installation stays away. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.admission.window import Window
from core.licenses.quota_terms import QuotaTerms

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BackOff:
    """Refused at an instant, and until when."""

    refused_at: datetime
    retry_at: datetime

    @property
    def days(self) -> int:
        """How many days that is, counted as whole ones from the refusal."""
        return -(-(self.retry_at - self.refused_at) // _DAY)


def back_off(now: datetime, window: Window, terms: QuotaTerms) -> BackOff:
    """Until the window ends, or the contract's own number of days if that is less."""
    if terms.back_off_days is None:
        return BackOff(now, window.end)
    return BackOff(now, min(window.end, now + timedelta(days=terms.back_off_days)))
