"""Quota windows: whole days, by default the calendar months in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Period

from core.licenses.billing import CALENDAR_YEAR, billing_period
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import ContractVersion

_CALENDAR_MONTHS: Final = (date(1970, 1, 1), "P1M", CALENDAR_YEAR, "UTC")
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A window from `start` up to but not including `end`, both in UTC. It consists of days of `time_zone`."""

    start: datetime
    end: datetime
    time_zone: str

    @property
    def period(self) -> Period:
        """The days of the window."""
        zone = ZoneInfo(self.time_zone)
        return Period(self.start.astimezone(zone).date(), self.end.astimezone(zone).date(), self.time_zone)


def window_at(now: datetime, terms: QuotaTerms, contract: ContractVersion | None, time_zone: str) -> Window:
    """Return the window at an instant, by the contract in force then and the license's time zone."""
    if terms.window is None or contract is None:
        starts_on, duration, anchor, zone = _CALENDAR_MONTHS
    else:
        starts_on, duration, anchor, zone = contract.starts_on, terms.window, contract.anchor, time_zone
    period = billing_period(now.astimezone(ZoneInfo(zone)).date(), starts_on, duration, anchor, zone)
    return Window(period.starts_at, period.ends_at, zone)


def window_before(window: Window, terms: QuotaTerms, contract: ContractVersion | None, time_zone: str) -> Window:
    """Return the window that ends where another begins."""
    return window_at(window.start - _INSTANT, terms, contract, time_zone)


def utc_day(now: datetime) -> date:
    """Return the day in UTC, by which check-ins are dated and lost installations counted."""
    return now.astimezone(UTC).date()
