"""What a meter knows of the license it measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class License:
    """The tenant: what a customer bought. `time_zone` is an IANA name; days begin at its midnight."""

    key: str
    name: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a time zone, from `first` up to but not including `end`."""

    first: date
    end: date
    time_zone: str = "UTC"

    @property
    def starts_at(self) -> datetime:
        """The first instant, in UTC."""
        return midnight(self.first, self.time_zone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it, in UTC."""
        return midnight(self.end, self.time_zone)

    def __contains__(self, day: date) -> bool:
        return self.first <= day < self.end


def midnight(day: date, time_zone: str) -> datetime:
    """The first instant of `day` in `time_zone`, in UTC.

    Where the clocks skip midnight, the instant at which they skip it: an imaginary local time is read
    with the offset before the gap (PEP 495, ``fold=0``), which is that instant.
    """
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms that hold on the day of the measurement.

    `terms` are named numbers (``profiles``, ``interactions_per_profile``, …). `at_risk` maps a meter's key
    to the ratio from which it is at risk, where the contract sets one. `alert_at` maps it to further ratios that
    people are told of, where the contract names some; they change no status. `period` is the billing period that
    holds the day. `version` 0 stands for a license that has no contract yet: no terms, calendar years.
    """

    version: int
    period: Period
    terms: Mapping[str, Decimal] = field(default_factory=dict)
    at_risk: Mapping[str, Decimal] = field(default_factory=dict)
    alert_at: Mapping[str, tuple[Decimal, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", MappingProxyType(dict(self.terms)))
        object.__setattr__(self, "at_risk", MappingProxyType(dict(self.at_risk)))
        object.__setattr__(self, "alert_at", MappingProxyType(dict(self.alert_at)))
