"""Quota windows: whole days, by default the calendar months in UTC. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Period

from core.licenses.billing import CALENDAR_YEAR, billing_period
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import ContractVersion

_MONTHS: Final = (date(1970, 1, 1), "P1M", CALENDAR_YEAR, "UTC")
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to but not including `end`, both instants in UTC, made of days of `time_zone`."""

    start: datetime
    end: datetime
    time_zone: str

    @property
    def period(self) -> Period:
        """Its days."""
        zone = ZoneInfo(self.time_zone)
        return Period(self.start.astimezone(zone).date(), self.end.astimezone(zone).date(), self.time_zone)


def window_at(now: datetime, terms: QuotaTerms, contract: ContractVersion | None, time_zone: str) -> Window:
    """The window that holds an instant, by the contract in force then and the license's time zone."""
    if terms.window is None or contract is None:
        starts_on, duration, anchor, zone = _MONTHS
    else:
        starts_on, duration, anchor, zone = contract.starts_on, terms.window, contract.anchor, time_zone
    period = billing_period(now.astimezone(ZoneInfo(zone)).date(), starts_on, duration, anchor, zone)
    return Window(period.starts_at, period.ends_at, zone)


def window_before(window: Window, terms: QuotaTerms, contract: ContractVersion | None, time_zone: str) -> Window:
    """The window that ends where another begins."""
    return window_at(window.start - _INSTANT, terms, contract, time_zone)


def utc_day(now: datetime) -> date:
    """The day by which installations are seen and lost."""
    return now.astimezone(UTC).date()
