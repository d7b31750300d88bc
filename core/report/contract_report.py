"""The report on a contract: for each meter and contract version, what was committed and what was used. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from functools import cache

from allowance import AdmittedCell, Contract, Enforcement, Meter

from core.consumption.points import Point
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ReadingView
from core.forecast.reading_forecast import ReadingForecast
from core.licenses.load import LoadedLicense
from core.report.day_usage import DayUsage, by_version, usage_by_day
from core.report.days import days_with_contract
from core.report.limit_suggestion import LimitSuggestion, suggest_limit
from core.right_of_way import give_way


@dataclass(frozen=True, slots=True)
class CurrentOutlook:
    """The current reading of a meter, held against the limit of the report, with its forecast."""

    view: ReadingView
    forecast: ReadingForecast


@dataclass(frozen=True, slots=True)
class MeterReport:
    """One meter under one contract version, on the days of the report on which the version was in force.

    Attributes:
        meter: The meter.
        contract_version: The number of the version.
        days: Usage, limit and status on each of these days, oldest first; never empty.
        suggestion: The limit that the demand speaks for; None if the meter takes its limit from no term, if nothing was
            used, or if the usage of a period that is not over says nothing yet.
        outlook: Where the usage is going; None for a version that is not in force today, or on a past day.
    """

    meter: Meter
    contract_version: int
    days: tuple[DayUsage, ...]
    suggestion: LimitSuggestion | None
    outlook: CurrentOutlook | None = None

    @property
    def committed(self) -> Decimal | None:
        """The limit on the last day that was measured; None if there is none."""
        return next((one.limit for one in reversed(self.days) if one.limit is not None), None)

    @property
    def used_at_end(self) -> Decimal | None:
        """The usage on the last day that was measured; None if none was."""
        return next((one.used for one in reversed(self.days) if one.used is not None), None)

    @property
    def peak(self) -> DayUsage | None:
        """The first of the days with the highest usage; None if no day was measured."""
        return max((one for one in self.days if one.used is not None), key=lambda one: one.demand, default=None)

    @property
    def first_crossing(self) -> datetime | None:
        """The first time at which the status was AT_RISK or EXCEEDED; None if it never was."""
        return next((one.crossed_at for one in self.days if one.crossed_at), None)

    @property
    def overage(self) -> Decimal | None:
        """The most by which the demand of a day was above its limit; None if no day had both usage and limit."""
        return max((one.overage for one in self.days if one.used is not None and one.limit is not None), default=None)

    @property
    def is_hard(self) -> bool:
        """True for a meter whose limit refuses what would exceed it."""
        return self.meter.enforcement is Enforcement.HARD

    @property
    def refused(self) -> int:
        """The number of items that the hard limit refused, in the window in which it refused the most."""
        return max(one.refused for one in self.days)

    @property
    def days_by_status(self) -> Mapping[UsageStatus, int]:
        """The number of days that ended with each status."""
        counted = Counter(one.status for one in self.days)
        return {status: counted[status] for status in UsageStatus}


@dataclass(frozen=True, slots=True)
class ContractReport:
    """The report on a license from the day `first` to the day `last`; meters in the order of the registry."""

    first: date
    last: date
    meters: tuple[MeterReport, ...]


def contract_report(
    license: LoadedLicense,
    meters: Sequence[Meter],
    history: Mapping[str, Sequence[Point]],
    admitted: Sequence[AdmittedCell],
    first: date,
    last: date,
    headroom: Decimal,
    terms: Mapping[str, Decimal] | None = None,
    current: Mapping[str, CurrentOutlook] | None = None,
) -> ContractReport:
    """Return the report on the contracts of a license. Meters without usage and without limit are left out.

    Args:
        license: The license.
        meters: The installed meters.
        history: The history of each meter by its key, oldest first, from the first day on.
        admitted: The cells of the quota windows with a day in the report.
        first: The first day.
        last: The last day. Days after today are left out.
        headroom: What suggested limits add to the demand, as a ratio of it.
        terms: Terms that replace those of the contracts, to see what would have been; None for the contracts as they
            are.
        current: The current readings and forecasts by meter; None for a report that does not reach up to today.
    """
    contracts = days_with_contract(license, first, min(last, license.today))
    day_of = cache(license.day_of)  # meters were measured together
    reports: list[MeterReport] = []
    for meter in meters:
        give_way()
        cells = [cell for cell in admitted if cell.meter == meter.key]
        days = usage_by_day(meter, history.get(meter.key, ()), cells, contracts, day_of, terms or {})
        for version, of_version in by_version(days, contracts):
            if any(one.limit is not None or one.demand for one in of_version):
                outlook = (current or {}).get(meter.key) if of_version[-1].day == license.today else None
                telling = _telling(meter, of_version, contracts, cells, license.today)
                suggestion = _suggest(meter, telling, outlook, headroom)
                reports.append(MeterReport(meter, version, tuple(of_version), suggestion, outlook))
    return ContractReport(first, last, tuple(reports))


def _suggest(
    meter: Meter, days: Iterable[DayUsage], outlook: CurrentOutlook | None, headroom: Decimal
) -> LimitSuggestion | None:
    """Return the limit that the highest demand of the days speaks for, or the forecast if that is higher."""
    if not meter.limit_terms:
        return None
    peak = max(days, key=lambda one: one.demand, default=None)
    demand, on = (Decimal(0), None) if peak is None else (peak.demand, peak.day)
    forecast = outlook.forecast.forecast if outlook else None
    if forecast is not None and (high := _whole(forecast.end.high)) > demand:
        demand, on = high, None
    return suggest_limit(demand, on, headroom)


def _whole(number: float) -> Decimal:
    return Decimal(number).to_integral_value(ROUND_CEILING)


def _telling(
    meter: Meter,
    days: Iterable[DayUsage],
    contracts: Mapping[date, Contract],
    cells: Sequence[AdmittedCell],
    today: date,
) -> Iterator[DayUsage]:
    """Yield the days whose usage does not still add up, as it does in a billing period or window that is not over."""
    open_windows = [cell.window for cell in cells if today in cell.window]
    for one in days:
        in_open_period = meter.counts_over_period and today in contracts[one.day].period
        if one.used is not None and not in_open_period and not any(one.day in window for window in open_windows):
            yield one
