"""Amounts: exact decimals, stored as a whole number and billionths (nanos)."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from core.errors import BadInput

NANOS: Final = 1_000_000_000
LARGEST: Final = 2**53
"""The largest amount of an event: above, JSON numbers of many senders are not exact."""
LARGEST_TOTAL: Final = 2**62
"""The largest total of a batch: with it a sum of a day stays within 64 bits."""
_BILLIONTH: Final = Decimal("1e-9")
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


class TotalTooLarge(BadInput):
    """A sum would exceed the exact range. Nothing of the batch was recorded."""

    code = "TOTAL_TOO_LARGE"

    def __init__(
        self, message: str = "A day's total would pass 4.6e18. Nothing was recorded; check the quantities."
    ) -> None:
        """Create the error; `message` replaces the usual message."""
        super().__init__(message)


class NotAnAmount(ValueError):
    """A value that is no number, is below zero, above 2^53 or finer than a billionth. The message states which."""


def to_nanos(value: object) -> tuple[int, int]:
    """Return a number as (whole, nanos), exactly.

    A float is read as the shortest decimal that equals it, which is the decimal that its sender wrote.

    Raises:
        NotAnAmount: The value is no amount.
    """
    if type(value) is int and 0 <= value <= LARGEST:
        return value, 0
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise NotAnAmount("must be a number")
    if isinstance(value, int):
        whole, nanos = value, 0
    else:
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        if not exact.is_finite():
            raise NotAnAmount("must be a finite number")
        if exact < 0:
            raise NotAnAmount("must not be negative")
        if exact > LARGEST:
            raise NotAnAmount(f"must be {LARGEST} at most")
        billionths = exact.quantize(_BILLIONTH, context=_EXACT)
        if billionths != exact:
            raise NotAnAmount("must have 9 digits after the point at most")
        whole, nanos = divmod(int(billionths.scaleb(9, context=_EXACT)), NANOS)
    if whole < 0:
        raise NotAnAmount("must not be negative")
    if whole > LARGEST:
        raise NotAnAmount(f"must be {LARGEST} at most")
    return whole, nanos


def from_nanos(whole: int, nanos: int) -> Decimal:
    """Return the exact decimal of stored integers. `nanos` may be a sum, and so exceed a billion."""
    if not nanos:
        return Decimal(whole)
    return Decimal(whole * NANOS + nanos).scaleb(-9, context=_EXACT).normalize(_EXACT)
