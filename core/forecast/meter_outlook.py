"""The outlook of a meter by its kind, from its day_ends, its reading and its usage. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from allowance import Admission, Counter, Credits, Grant, Level, Meter, Period, Ratio, Reading, Usage

from core.admission.quota import quota_at
from core.forecast.daily import PeriodOf, daily_increments
from core.forecast.documents import GrantTerms, MeterOutlook
from core.forecast.outlook import MOST_HISTORY, Outlook, make_outlook
from core.forecast.usual_window import make_window_outlook
from core.licenses.load import LoadedLicense

FURTHEST: Final = timedelta(days=1_100)
"""Credits that expire later are forecast up to this time."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MeterHistory:
    """All that the outlook of a meter is made from.

    `day_ends` are the usage at the ends of past days, `reading` is that of now, `usage` what it was measured from, and
    `grants` are all grants of the license.
    """

    license: LoadedLicense
    meter: Meter
    day_ends: Mapping[date, float]
    reading: Reading
    usage: Usage
    grants: Sequence[Grant]


def stamp_of(license: LoadedLicense, meter: Meter, grants: Sequence[Grant]) -> str:
    """Return what an outlook of today would be made from: the day, the revision of the contract, the grants."""
    stamp = f"{license.today} {license.revision}"
    if not isinstance(meter, Credits):
        return stamp
    return f"{stamp} {crc32(repr(sorted(_terms(meter, grants))).encode())}"


def outlook_of(history: MeterHistory, now: datetime) -> MeterOutlook:
    """Return the outlook of a meter."""
    meter, reading = history.meter, history.reading
    if isinstance(meter, Credits):
        terms = tuple(sorted(_terms(meter, history.grants)))
        return MeterOutlook(now, _of_credits(history, meter, terms) if terms else None, terms)
    period = period_of(history.license, reading.period)
    if reading.used is None or not history.day_ends or period.end <= _next_day(history):
        return MeterOutlook(now, None)
    if isinstance(meter, Admission):
        return MeterOutlook(now, _of_admission(history, meter, period))
    return MeterOutlook(now, _of_usage(history, period))


def period_of(license: LoadedLicense, of_reading: Period | None) -> Period:
    """Return the period at whose end a reading is forecast: its own, or else the billing period of today."""
    return of_reading or license.period_on(license.today)


def _of_usage(history: MeterHistory, period: Period) -> Outlook | None:
    increments = daily_increments(history.day_ends, _period_first(history))
    day, counted = _next_day(history), _is_counted(history, increments)
    # A meter looks ahead from today on.
    ahead = tuple(map(float, history.reading.ahead)) if day == history.license.today else ()
    return make_outlook(increments, day, period.end, counted=counted, ahead=ahead)


def _of_admission(history: MeterHistory, meter: Admission, period: Period) -> Outlook | None:
    license, day = history.license, _next_day(history)
    window_of = _first_days(
        license, lambda day: _in_days_of(license, quota_at(license, meter, license.end_of(day), None).window.period)
    )
    period = _in_days_of(license, period)
    increments = daily_increments(history.day_ends, window_of)
    known = [day - number * _DAY for number in range(len(increments), 0, -1)]
    # The first window is known as a whole only if it began within the history.
    starts = sorted({start for each in known if (start := window_of(each)) >= known[0]} | {period.first})
    return make_window_outlook(increments, starts, day, period.end)


def _in_days_of(license: LoadedLicense, period: Period) -> Period:
    """Return the days of the license whose ends lie in a quota window, which has a time zone of its own."""
    zone = ZoneInfo(license.license.time_zone)
    first, end = (at.astimezone(zone).date() for at in (period.starts_at, period.ends_at))
    return Period(first, end, license.license.time_zone)


def _period_first(history: MeterHistory) -> PeriodOf:
    if not history.meter.counts_over_period:
        return lambda day: None
    return _first_days(history.license, history.license.period_on)


def _first_days(license: LoadedLicense, period_of_day: Callable[[date], Period]) -> Callable[[date], date]:
    """Return a function from a day to the first day of its period, for days in order.

    A period is looked for only where the last one ends, or a contract begins.
    """
    turns = {version.effective_from for version in license.versions} | {
        version.end for version in license.versions if version.end
    }
    known: list[Period] = []

    @cache
    def first_of(day: date) -> date:
        if not known or day not in known[-1] or day in turns:
            known.append(period_of_day(day))
        return known[-1].first

    return first_of


def _of_credits(history: MeterHistory, meter: Credits, terms: Sequence[GrantTerms]) -> Outlook | None:
    """Return the outlook of what is spent until the last grant expires, or the billing period ends if that is later."""
    license = history.license
    expiries = [grant.expires_at for grant in terms if grant.expires_at is not None]
    last = max(expiries, default=history.usage.at)
    end = min(license.at(last).today + _DAY, license.today + FURTHEST) if last > history.usage.at else license.today
    until = max(end, period_of(license, None).end)
    spent = history.usage.daily(meter.event, by="entity")
    first = max(min(spent, default=license.today), license.today - MOST_HISTORY * _DAY)
    increments = [
        float(sum(spent.get(first + number * _DAY, {}).values())) for number in range((license.today - first).days)
    ]
    return make_outlook(increments, license.today, until, counted=True)


def _next_day(history: MeterHistory) -> date:
    """Return the day after the last of them: today, unless the meter failed for some days."""
    return max(history.day_ends) + _DAY


def _is_counted(history: MeterHistory, increments: Sequence[float]) -> bool:
    """Return whether usage only grows: a counter's does by its kind, that of partners' meters as far as is known."""
    meter = history.meter
    if isinstance(meter, Counter):
        return True
    if isinstance(meter, Level | Ratio) or history.reading.period is None:
        return False
    return all(increment >= 0 for increment in increments)


def _terms(meter: Credits, grants: Sequence[Grant]) -> list[GrantTerms]:
    return [
        GrantTerms(grant.id, float(grant.amount), grant.granted_at, grant.expires_at)
        for grant in grants
        if grant.meter in (None, meter.key)
    ]


def end_of(license: LoadedLicense, outlook: Outlook) -> datetime:
    """Return the instant at which an outlook ends."""
    return license.start_of(outlook.until)
