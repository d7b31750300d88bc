"""The facts that usage is made of: sums and levels by day, grants of credits, and admitted identifiers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from allowance.license import Period

INSTANT: Final = timedelta(microseconds=1)
"""The smallest difference between two instants."""


@dataclass(frozen=True, slots=True)
class SumCell:
    """The sum of the quantities of one event type, entity and set of dimensions.

    Attributes:
        event: The event type, as ``interaction.sent``.
        first: The first day that the sum covers, in the license's time zone.
        last: The last day that the sum covers, included.
        amount: The sum of the quantities.
        entity: The entity, or ``""`` if the events named none.
        dimensions: The value of each dimension that the events carried.
        starts_at: The instant from which the sum counts, for a part of a day that is divided; None from the beginning
            of the first day.
    """

    event: str
    first: date
    last: date
    amount: Decimal
    entity: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LevelCell:
    """The value of a level at the end of a day, for one entity and set of dimensions.

    Attributes:
        event: The event type, as ``profiles.level``.
        day: The day, in the license's time zone.
        value: The newest value that was reported up to the end of the day.
        entity: The entity, or ``""`` if the events named none.
        dimensions: The value of each dimension that the events carried.
    """

    event: str
    day: date
    value: Decimal
    entity: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits that were granted to a license or to one of its entities.

    Attributes:
        id: The identifier of the grant, unique within the license.
        amount: The number of credits.
        granted_at: The instant from which the credits can be spent.
        expires_at: The instant from which the credits cannot be spent any more; None if they never expire.
        entity: The only entity that may spend the credits; None if all entities may.
        time_zone: The IANA name of the license's time zone, which decides on first and last day.
        meter: The key of the meter that the credits are for; None if they are for any meter of credits.
    """

    id: str
    amount: Decimal
    granted_at: datetime
    expires_at: datetime | None = None
    entity: str | None = None
    time_zone: str = "UTC"
    meter: str | None = None

    @property
    def first_day(self) -> date:
        """The first day on which the credits can be spent."""
        return self.granted_at.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def last_day(self) -> date:
        """The last day on which the credits can be spent; ``date.max`` if they never expire."""
        if self.expires_at is None:
            return date.max
        return (self.expires_at - INSTANT).astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class EntityCell:
    """An entity of a license that has a label of its own, or that is closed.

    Attributes:
        name: The name by which usage and grants know it.
        label: The name that people see.
        closed_from: The first day on which it is closed and no part of levels; None if it is not closed.
        into: The entity that takes over its credits and debts when it closes; None if no entity does.
    """

    name: str
    label: str
    closed_from: date | None = None
    into: str | None = None

    def is_closed(self, day: date) -> bool:
        """Return whether the entity is closed on a day."""
        return self.closed_from is not None and self.closed_from <= day


@dataclass(frozen=True, slots=True)
class AdmittedCell:
    """The numbers of distinct identifiers that a meter admitted and refused on one day of a quota window.

    Attributes:
        meter: The key of the meter of the kind :class:`~allowance.Admission`.
        window: The quota window.
        day: The day, in the license's time zone.
        count: The number of identifiers that got a place on that day.
        refused: The number of identifiers that were refused in the window for the first time on that day.
    """

    meter: str
    window: Period
    day: date
    count: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """The number of distinct identifiers that have a place in a quota window, and of those that were refused."""

    window: Period
    count: int
    refused: int = 0
