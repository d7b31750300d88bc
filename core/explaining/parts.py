"""The parts that a figure is made of, and the events behind them. Immutable records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from allowance.exact import exact

ZERO = Decimal(0)


class PartReason(StrEnum):
    """The reason why an amount is a part of a figure."""

    USAGE = "USAGE"
    OTHER_USAGE = "OTHER_USAGE"
    SINCE_REFRESH = "SINCE_REFRESH"
    BELOW_ZERO = "BELOW_ZERO"
    EXPIRED_GRANTS = "EXPIRED_GRANTS"
    ROUNDING = "ROUNDING"
    OWN_MEASURE = "OWN_MEASURE"


class NewestEvent(NamedTuple):
    """The newest event behind a part: its source and id, its time, and the time at which it was counted."""

    source: str
    id: str
    time: datetime
    counted_at: datetime


class FigurePart(NamedTuple):
    """A part of a figure.

    Attributes:
        reason: The reason why the amount is a part.
        amount: The amount; below zero if it is taken away.
        day: The day of the usage; None for a part that is not of one day.
        entity: The entity of the usage; None if it named none, or for a part that is not of one series.
        dimensions: The dimensions of the usage; None for a part that is not of one series.
        events: The number of events; None if it is not known.
        last_event: The newest event; None if it is not known.
    """

    reason: PartReason
    amount: Decimal
    day: date | None = None
    entity: str | None = None
    dimensions: Mapping[str, str] | None = None
    events: int | None = None
    last_event: NewestEvent | None = None


@dataclass(frozen=True, slots=True)
class SummedParts:
    """Usage in parts.

    Attributes:
        total: The sum of all usage, also of what is not listed.
        parts: The newest parts, and one for all others.
        late: The number of events that were counted after their day.
        duplicates: The number of events that were sent again.
    """

    total: Decimal
    parts: Sequence[FigurePart]
    late: int = 0
    duplicates: int = 0


def sum_of(parts: Sequence[FigurePart]) -> Decimal:
    """Return the sum of parts."""
    with exact():
        return sum((part.amount for part in parts), ZERO)


def part_of_difference(reason: PartReason, figure: Decimal, known: Decimal) -> list[FigurePart]:
    """Return the part that leads from what is known to a figure; none if there is no difference."""
    with exact():
        difference = figure - known
    return [FigurePart(reason, difference)] if difference else []
