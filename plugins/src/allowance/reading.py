"""Readings: the result of a measurement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final, TypeAlias

from allowance.license import Period

MAX_SHARES: Final = 1_000
"""The largest number of shares of a reading. If there are more, the kinds add up the smallest ones."""

MAX_AHEAD: Final = 1_100
"""The largest number of days that a meter looks ahead."""

Number: TypeAlias = int | Decimal | Fraction
"""An exact number. Floats are refused, because their sums are not exact."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit that the contract sets.

    Attributes:
        value: The number.
        basis: The calculation of the number in words for people, as "50 custom tables".
        exhaustible: Whether the limit is a stock that is used up. If True, the status is EXCEEDED once nothing is
            left of a limit above 0; otherwise once `used` is above the limit.
    """

    value: Number
    basis: str
    exhaustible: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the usage: the usage of one value of one dimension.

    Attributes:
        dimension: The key of the dimension.
        key: The value of the dimension; ``""`` for usage without a value.
        label: The value as people see it.
        used: The usage, in the meter's unit.
        limit: The limit of only this part; None if it has none.
        remaining: The part of `limit` that is left; None: the limit less the usage, at least 0.
    """

    dimension: str
    key: str
    label: str
    used: Number
    limit: Number | None = None
    remaining: Number | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a measurement: usage, limit and breakdown of one meter for one license.

    Attributes:
        used: The usage, in the meter's unit. None if nothing was measured yet, or if the meter has no usage.
        limit: The limit; None if the contract sets none.
        period: The period over which `used` was counted; None for levels.
        shares: The breakdown by the meter's dimensions, at most :data:`MAX_SHARES`.
        grants: The credits left of each grant, by the grant's id, for meters of credits.
        remaining: The part of the limit that is left; None: the limit less the usage, at least 0.
        overage: The usage that no part of the limit covers; None: the usage less the limit, at least 0. Both can be
            above 0 where parts of the limit are reserved: one entity has credits left, and another owes some.
        refused: For a hard limit, the number of items that were refused in the period; None for other limits. The
            status is EXCEEDED if it is above 0.
        by_entity: The shares by entity that people see only on demand. The kind Level fills it; of a meter with a
            `measure` of its own it is ignored.
        ahead: What the meter's :meth:`~allowance.Meter.ahead` returned. The application sets it.
    """

    used: Number | None
    limit: Limit | None = None
    period: Period | None = None
    shares: tuple[Share, ...] = ()
    grants: Mapping[str, Number] = field(default_factory=dict)
    remaining: Number | None = None
    overage: Number | None = None
    refused: Number | None = None
    by_entity: tuple[Share, ...] = ()
    ahead: tuple[Number, ...] = ()

    def __post_init__(self) -> None:
        """Make the collections read-only."""
        object.__setattr__(self, "shares", tuple(self.shares))
        object.__setattr__(self, "grants", MappingProxyType(dict(self.grants)))
