"""The license and the contract, as a meter sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class License:
    """A license: the tenant, what a customer bought.

    Attributes:
        key: The stable key of the license, as ``acme``.
        name: The name for people.
        time_zone: The IANA name of the time zone in which its days begin at midnight.
    """

    key: str
    name: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Period:
    """A period of whole days in a time zone.

    Attributes:
        first: The first day.
        end: The day after the last day.
        time_zone: The IANA name of the time zone.
    """

    first: date
    end: date
    time_zone: str = "UTC"

    @property
    def starts_at(self) -> datetime:
        """The first instant of the period, in UTC."""
        return midnight(self.first, self.time_zone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period, in UTC."""
        return midnight(self.end, self.time_zone)

    def __contains__(self, day: date) -> bool:
        """Return whether the day is in the period."""
        return self.first <= day < self.end


def midnight(day: date, time_zone: str) -> datetime:
    """Return the first instant of `day` in `time_zone`, in UTC.

    On a day on which the clocks skip midnight, it is the instant at which they skip it: a local time inside the gap
    is read with the offset before the gap (PEP 495, ``fold=0``), which gives that instant.
    """
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms of a license that are in force on the day of the measurement.

    Attributes:
        version: The number of the contract version. 0 if no contract is in force: there are no terms, and billing
            periods are calendar years.
        period: The billing period that holds the day of the measurement.
        terms: The numbers that were agreed, by name (``profiles``, ``interactions_per_profile``, …).
        at_risk: The ratio of the limit from which a meter is at risk, by the meter's key, if the contract sets it.
        alert_at: Further ratios at which people are alerted, by the meter's key. They do not change the status.
    """

    version: int
    period: Period
    terms: Mapping[str, Decimal] = field(default_factory=dict)
    at_risk: Mapping[str, Decimal] = field(default_factory=dict)
    alert_at: Mapping[str, tuple[Decimal, ...]] = field(default_factory=dict)

    @property
    def in_force(self) -> bool:
        """False if no contract is in force on the day, so that nothing is agreed and nothing is unlimited."""
        return self.version > 0

    def __post_init__(self) -> None:
        """Make the mappings read-only."""
        object.__setattr__(self, "terms", MappingProxyType(dict(self.terms)))
        object.__setattr__(self, "at_risk", MappingProxyType(dict(self.at_risk)))
        object.__setattr__(self, "alert_at", MappingProxyType(dict(self.alert_at)))
