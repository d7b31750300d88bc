"""What a meter found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final, TypeAlias

from allowance.license import Period

MAX_SHARES: Final = 1_000
"""The most shares that a reading may have. The kinds add up the smallest of more."""

Number: TypeAlias = int | Decimal | Fraction
"""An exact number. Floats are refused: their sums are not exact."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What the contract allows, and how that number came about, in words: "50 custom tables".

    With `exhaustible` the limit is a stock that is used up: nothing left is exceeded. Otherwise only
    going over it is.
    """

    value: Number
    basis: str
    exhaustible: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the usage: one value of one dimension. An empty `key` stands for usage that named none."""

    dimension: str
    key: str
    label: str
    used: Number
    limit: Number | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter found for a license on a day.

    `used` is None where nothing was measured yet, or where there is nothing to use. `limit` is None where
    the contract sets none. `period` is the period that `used` counts over, None for what stands at a value.
    `grants` says what is left of each grant, by the grant's id, for meters of credits.
    """

    used: Number | None
    limit: Limit | None = None
    period: Period | None = None
    shares: tuple[Share, ...] = ()
    grants: Mapping[str, Number] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", tuple(self.shares))
        object.__setattr__(self, "grants", MappingProxyType(dict(self.grants)))
