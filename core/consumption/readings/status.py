"""The status rules. Pure and exact at the boundary."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from fractions import Fraction
from typing import Final

from allowance import Enforcement, Limit
from allowance.reading import Number


class UsageStatus(StrEnum):
    """OK: green. AT_RISK: yellow. EXCEEDED: red. UNKNOWN: grey; the state of a reading says why."""

    OK = "OK"
    AT_RISK = "AT_RISK"
    EXCEEDED = "EXCEEDED"
    UNKNOWN = "UNKNOWN"


WORST_FIRST: Final = (UsageStatus.EXCEEDED, UsageStatus.AT_RISK, UsageStatus.UNKNOWN, UsageStatus.OK)
SEVERITY: Final = {status: len(WORST_FIRST) - rank for rank, status in enumerate(WORST_FIRST)}
"""The rank of each status; the worst has the highest."""
_EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, Overflow])


def status_of(
    used: Number | None,
    limit: Limit | None,
    at_risk: Decimal | None,
    enforcement: Enforcement,
    overage: Number | None = None,
    refused: Number | None = None,
) -> UsageStatus:
    """Return the status of a reading.

    EXCEEDED above the limit, if the meter states an overage, if the limit refused anything in the period, or if nothing
    is left of an exhaustible limit above 0: credits that expired unused are no alarm, as nothing is in force and
    nothing is owed. A hard limit that is full and refused nothing is not EXCEEDED. AT_RISK from `at_risk` × limit up to
    the limit. UNKNOWN if nothing was measured. OK otherwise, also if the contract sets no limit or the meter does not
    enforce any.
    """
    if enforcement is Enforcement.NONE:
        return UsageStatus.OK
    if used is None:
        return UsageStatus.UNKNOWN
    if limit is None:
        return UsageStatus.OK
    if used > limit.value or overage or refused or (limit.exhaustible and used >= limit.value > 0):
        return UsageStatus.EXCEEDED
    if at_risk is not None and used and used >= multiply(at_risk, limit.value):
        return UsageStatus.AT_RISK
    return UsageStatus.OK


def multiply(ratio: Decimal, value: Number) -> Number:
    """Return the exact product of a ratio and a value: a fraction if the value is a fraction, else a decimal."""
    return _EXACT.multiply(ratio, value) if isinstance(value, (Decimal, int)) else Fraction(ratio) * value


def worst(statuses: Iterable[UsageStatus]) -> UsageStatus:
    """Return the worst of several statuses, in the order EXCEEDED, AT_RISK, UNKNOWN, OK; OK if there are none."""
    return max(statuses, key=SEVERITY.__getitem__, default=UsageStatus.OK)
