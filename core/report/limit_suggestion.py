"""The limit that a contract should have, from the highest demand and a headroom. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Final

from allowance.exact import exact

_MANTISSAS: Final = tuple(
    map(Decimal, [*range(10, 16), 16, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100])
)
"""The two digits that people write into contracts. Each is at most a sixth above the one before."""
_COUNTED_ONE_BY_ONE: Final = 20
"""Up to here every whole number is written into contracts."""


@dataclass(frozen=True, slots=True)
class LimitSuggestion:
    """A suggested limit: `demand`, with `headroom` as a ratio on top, rounded up.

    `demand_on` is the day of the highest usage; None if the demand is the high end of a forecast.
    """

    limit: Decimal
    demand: Decimal
    demand_on: date | None
    headroom: Decimal


def suggest_limit(demand: Decimal, demand_on: date | None, headroom: Decimal) -> LimitSuggestion | None:
    """Return the suggested limit for a demand, or None without a demand: nothing speaks for any limit then."""
    if demand <= 0:
        return None
    with exact():
        wanted = demand * (1 + headroom)
    return LimitSuggestion(round_up(wanted), demand, demand_on, headroom)


def round_up(number: Decimal) -> Decimal:
    """Return the next number from `number` (above 0) on that people write into contracts: whole, with two digits."""
    whole = number.to_integral_value(ROUND_CEILING)
    if whole <= _COUNTED_ONE_BY_ONE:
        return whole
    scale = Decimal(1).scaleb(whole.adjusted() - 1)
    return next(mantissa * scale for mantissa in _MANTISSAS if mantissa * scale >= whole)
