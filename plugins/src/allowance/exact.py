"""Sums and products of decimals without rounding."""

from contextlib import AbstractContextManager
from decimal import Context, Inexact, InvalidOperation, Overflow, localcontext
from typing import Final

_EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, Overflow])
"""Far more digits than any sum of usage has. Beyond them arithmetic raises an error; it never rounds."""


def exact() -> AbstractContextManager[Context]:
    """Return a context in which decimals add, subtract and multiply exactly, whatever precision the caller has set.

    The default precision of 28 digits rounds a sum of very large and very small quantities. A rounded sum could land
    on the wrong side of a limit.

    Example::

        with exact():
            total = sum(amounts, Decimal(0))
    """
    return localcontext(_EXACT)
