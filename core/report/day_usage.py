"""The usage of a meter at the ends of days, under the terms of the contract or under others. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from allowance import AdmittedCell, Contract, Enforcement, Limit, Meter, Period
from allowance.exact import exact

from core.consumption.points import Point
from core.consumption.readings.judging import round_number
from core.consumption.readings.status import UsageStatus, status_of
from core.licenses.alerting_ratios import at_risk_ratio

_NOTHING: Final = Decimal(0)
_CROSSED: Final = frozenset({UsageStatus.AT_RISK, UsageStatus.EXCEEDED})


class DayUsage(NamedTuple):
    """Usage and limit at the end of a day, or at the last refresh of a day that is not over.

    `refused` is the number of items that a hard limit refused in the window up to then. `crossed_at` is the first time
    of the day at which the status was AT_RISK or EXCEEDED.
    """

    day: date
    status: UsageStatus
    used: Decimal | None
    limit: Decimal | None
    refused: int = 0
    crossed_at: datetime | None = None

    @property
    def demand(self) -> Decimal:
        """The usage together with what was refused."""
        used = self.used or _NOTHING
        if not self.refused:
            return used
        with exact():
            return used + self.refused

    @property
    def overage(self) -> Decimal:
        """The demand above the limit, at least 0."""
        demand = self.demand
        if self.limit is None or demand <= self.limit:
            return _NOTHING
        with exact():
            return demand - self.limit


def usage_by_day(
    meter: Meter,
    points: Iterable[Point],
    admitted: Iterable[AdmittedCell],
    contracts: Mapping[date, Contract],
    day_of: Callable[[datetime], date],
    terms: Mapping[str, Decimal],
) -> list[DayUsage]:
    """Return the usage of a meter on each day that has a contract, oldest first.

    A day that history does not know is UNKNOWN.

    Args:
        meter: The meter.
        points: Its history, oldest first.
        admitted: The cells of its quota windows, for a meter with a hard quota.
        contracts: The contract in force on each day, in the order of the days.
        day_of: Returns the day of an instant in the license's time zone.
        terms: Terms that replace those of the contracts.
    """
    refused = _refused_by_day(admitted, contracts)
    days = {day: DayUsage(day, UsageStatus.UNKNOWN, None, None) for day in contracts}
    has_other_terms = not terms.keys().isdisjoint(meter.limit_terms)
    for point in points:
        day = day_of(point.at)
        if day not in days:
            continue
        seen = DayUsage(day, point.status, point.used, point.limit, refused.get(day, 0), days[day].crossed_at)
        if has_other_terms:
            seen = _under_terms(meter, contracts[day], seen, terms)
        if seen.crossed_at is None and seen.status in _CROSSED:
            seen = seen._replace(crossed_at=point.at)
        days[day] = seen
    return list(days.values())


def _refused_by_day(cells: Iterable[AdmittedCell], days: Collection[date]) -> dict[date, int]:
    """Return how many were refused in the window of each day, up to the end of the day."""
    by_window: dict[Period, list[AdmittedCell]] = defaultdict(list)
    for cell in cells:
        if cell.refused:
            by_window[cell.window].append(cell)
    refused: dict[date, int] = {}
    for window, refusals in by_window.items():
        for day in filter(window.__contains__, days):
            refused[day] = refused.get(day, 0) + sum(cell.refused for cell in refusals if cell.day <= day)
    return refused


def limit_under(
    meter: Meter, contract: Contract, limit: Decimal | None, terms: Mapping[str, Decimal]
) -> Decimal | None:
    """Return the limit that a reading would have under other terms.

    Args:
        meter: The meter, which takes its limit from one of the terms at least.
        contract: The contract in force.
        limit: The limit that the reading has. One that is not the product of the contract's terms stays.
        terms: The terms that replace those of the contract.
    """
    stated = meter.limit_of(contract)
    if limit is not None and (stated is None or round_number(stated.value) != limit):
        return limit
    other = meter.limit_of(replace(contract, terms={**contract.terms, **terms}))
    return None if other is None else round_number(other.value)


def _under_terms(meter: Meter, contract: Contract, seen: DayUsage, terms: Mapping[str, Decimal]) -> DayUsage:
    """Judge the usage of a day by other terms."""
    limit = limit_under(meter, contract, seen.limit, terms)
    if limit == seen.limit:
        return seen
    return seen._replace(limit=limit) if seen.used is None else _judge(meter, contract, seen, seen.used, limit)


def _judge(meter: Meter, contract: Contract, seen: DayUsage, used: Decimal, limit: Decimal | None) -> DayUsage:
    refused = seen.refused
    if meter.enforcement is Enforcement.HARD:
        # Whoever was refused would have had a place under a higher limit, and fewer under a lower one.
        used = seen.demand if limit is None else min(seen.demand, limit)
        with exact():
            refused = int(seen.demand - used)
    stated = None if limit is None else Limit(limit, "")
    status = status_of(used, stated, at_risk_ratio(meter, contract), meter.enforcement, refused=refused)
    return seen._replace(status=status, used=used, limit=limit, refused=refused)


def by_version(days: Iterable[DayUsage], contracts: Mapping[date, Contract]) -> Iterator[tuple[int, list[DayUsage]]]:
    """Yield the days by contract version, the earliest first."""
    versions: dict[int, list[DayUsage]] = {}
    for one in days:
        versions.setdefault(contracts[one.day].version, []).append(one)
    yield from versions.items()
