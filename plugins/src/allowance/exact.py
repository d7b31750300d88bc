"""Sums and products of decimals without rounding."""

from contextlib import AbstractContextManager
from decimal import Context, Inexact, InvalidOperation, Overflow, localcontext
from typing import Final

_EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, Overflow])
"""Far more digits than any sum of usage has; beyond them an error, never a rounded figure."""


def exact() -> AbstractContextManager[Context]:
    """Within it, decimals add, subtract and multiply exactly, whatever precision the caller has set.

    The usual 28 digits round a sum of very large and very small quantities, so that it could land on the
    wrong side of a limit.
    """
    return localcontext(_EXACT)
