"""Exact sums of stored amounts, computed by the database."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from core.usage.amount import NANOS, from_nanos


def sums_of(amounts: sa.ColumnCollection[Any, Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the columns of a sum: that of billions, that of the rest of whole numbers, and that of billionths.

    Whole numbers are summed in two halves, since the sum of 64-bit numbers may need more than 64 bits.

    Args:
        amounts: The columns of a table with the columns `whole` and `nanos`.
    """
    return func.sum(amounts.whole // NANOS), func.sum(amounts.whole % NANOS), func.sum(amounts.nanos)


def summed(high: Any, low: Any, nanos: Any) -> Decimal:
    """Return the amount of the columns of a sum, which a database may give as any kind of number."""
    return from_nanos(int(high) * NANOS + int(low), int(nanos))
