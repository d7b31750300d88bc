"""A reading with its status, as it was judged against the limit of its contract. Immutable records.

They are named tuples, which a refresh makes four times as fast as frozen dataclasses.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from allowance import Period
from allowance.exact import exact

from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import UsageStatus, worst


class Threshold(NamedTuple):
    """A ratio of the limit that alerts: in units `value`, with the status of a reading above it.

    `crossed_at` is when a reading in this period was first found to have crossed it; None if the reading has not.
    """

    ratio: Decimal
    value: Decimal
    status: UsageStatus
    crossed_at: datetime | None = None


class ReadingShare(NamedTuple):
    """A part of the usage, by one value of one dimension."""

    dimension: str
    key: str
    label: str
    used: Decimal
    limit: Decimal | None
    stated_remaining: Decimal | None = None

    @property
    def remaining(self) -> Decimal | None:
        """The part of the limit that is left, at least 0; None if there is no limit."""
        return _excess(self.limit, self.used) if self.stated_remaining is None else self.stated_remaining


class EntityUsage(NamedTuple):
    """The usage of a level by the names of entities, and the labels that differ from names.

    Amounts stay the texts that the snapshot stores, since a license can have many entities, and few readers ask.
    """

    amounts: Mapping[str, str] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})

    def shares(self) -> tuple[ReadingShare, ...]:
        """Return the shares by entity."""
        return tuple(
            ReadingShare("entity", key, self.labels.get(key) or key or "Not specified", Decimal(amount), None)
            for key, amount in self.amounts.items()
        )


class Problem(NamedTuple):
    """The reason why the last refresh of a reading failed, in words that a caller may see."""

    code: str
    message: str
    since: datetime


class CrossedRatios(NamedTuple):
    """The ratios of a limit for which alerts are open, lowest first, and the first day of the period in force."""

    period_first: date
    limit: Decimal
    ratios: tuple[Decimal, ...]


class UsageAgainstLimit(NamedTuple):
    """Usage, limit and the status that follows from both: all that history keeps of a reading."""

    status: UsageStatus
    used: Decimal | None = None
    limit: Decimal | None = None


class JudgedReading(NamedTuple):
    """A reading with its status. If there is a `problem`, everything else is the last good reading.

    `measured_at` is None if the meter was never measured. `due_at` is the time of the next measurement. A meter of
    credits can state what remains and what is owed by itself; the stated figures are None if they are no other than
    the limit less the usage, and the usage less the limit. `entities` is the usage by entity of a level whose
    shares are not by entity; None if no entity was named. `refused` is the number of items that a hard limit refused in
    the period; None for other limits. `state` states why there is no usage or no limit.
    """

    status: UsageStatus
    used: Decimal | None = None
    limit: Decimal | None = None
    basis: str | None = None
    period: Period | None = None
    shares: tuple[ReadingShare, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    grants: Mapping[str, Decimal] = MappingProxyType({})
    measured_at: datetime | None = None
    due_at: datetime | None = None
    problem: Problem | None = None
    crossed: CrossedRatios | None = None
    entities: EntityUsage | None = None
    stated_remaining: Decimal | None = None
    stated_overage: Decimal | None = None
    refused: Decimal | None = None
    state: ReadingState = ReadingState.MEASURED

    @property
    def remaining(self) -> Decimal | None:
        """The part of the limit that is left, at least 0; None without usage or limit."""
        return _excess(self.limit, self.used) if self.stated_remaining is None else self.stated_remaining

    @property
    def overage(self) -> Decimal | None:
        """The usage that no part of the limit covers, at least 0; None without usage or limit."""
        return _excess(self.used, self.limit) if self.stated_overage is None else self.stated_overage

    def shares_by(self, dimension: str) -> tuple[ReadingShare, ...]:
        """Return the shares by one dimension; every level has shares by entity. Empty for an unknown dimension."""
        if dimension == "entity" and self.entities is not None:
            return self.entities.shares()
        return tuple(share for share in self.shares if share.dimension == dimension)


def _excess(number: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return how much `number` is above `other`, at least 0; None if either is None."""
    if number is None or other is None:
        return None
    with exact():
        return max(number - other, Decimal(0))


NEVER_MEASURED: Final = JudgedReading(UsageStatus.UNKNOWN, state=ReadingState.NEVER_MEASURED)


def worst_status(readings: Iterable[JudgedReading]) -> UsageStatus:
    """Return the worst status of readings, without those that the contract does not have and nobody reported."""
    return worst(reading.status for reading in readings if reading.state is not ReadingState.NOT_IN_CONTRACT)
