"""The judging of a meter's reading against the limit of the contract. Pure; storing is in ``documents``."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from allowance import Contract, Limit, Meter, Reading, Share
from allowance.reading import Number

from core.consumption.readings.crossing_rule import CrossingRule
from core.consumption.readings.documents import Document, crossing_times
from core.consumption.readings.judged_reading import (
    EntityUsage,
    JudgedReading,
    ReadingShare,
    Threshold,
    UsageAgainstLimit,
)
from core.consumption.readings.state import ReadingState, state_of
from core.consumption.readings.status import UsageStatus, multiply, status_of
from core.licenses.alerting_ratios import alerting_ratios, at_risk_ratio
from core.usage.amount import NANOS, from_nanos


def judge_reading(
    meter: Meter,
    contract: Contract,
    reading: Reading,
    previous: Document | None,
    measured_at: datetime,
    due_at: datetime | None = None,
) -> JudgedReading:
    """Judge a reading against its limit, with the thresholds that it crosses.

    Args:
        meter: The meter that gave the reading.
        contract: The contract in force on the day of the measurement.
        reading: The reading.
        previous: The stored reading before this one, or None. A threshold that it had crossed in the same period and
            under the same limit keeps the time of its crossing.
        measured_at: The time of the measurement.
        due_at: The time of the next measurement, or None if there is no such time.
    """
    state = state_of(meter, contract, reading)
    usage = _judge_usage(meter, contract, reading, state)
    limit = reading.limit
    judged = JudgedReading(
        usage.status,
        usage.used,
        usage.limit,
        None if limit is None else limit.basis,
        reading.period,
        tuple(map(_round_share, reading.shares)),
        ()
        if reading.used is None or limit is None
        else _judge_thresholds(meter, contract, reading, reading.used, limit, usage, previous, measured_at),
        {key: round_number(left) for key, left in reading.grants.items()} if reading.grants else {},
        measured_at,
        due_at,
        state=state,
    )
    if reading.by_entity:
        judged = judged._replace(entities=_entity_usage(reading.by_entity))
    if reading.refused is not None:
        judged = judged._replace(refused=round_number(reading.refused))
    return judged if reading.remaining is None and reading.overage is None else _state_remaining(judged, reading)


def judge_usage(meter: Meter, contract: Contract, reading: Reading) -> UsageAgainstLimit:
    """Return the status of a reading with its usage and limit, and nothing else."""
    return _judge_usage(meter, contract, reading, state_of(meter, contract, reading))


def _judge_usage(meter: Meter, contract: Contract, reading: Reading, state: ReadingState) -> UsageAgainstLimit:
    """Return the status of a reading, which is UNKNOWN if no contract is in force and there is no limit without one."""
    used, limit = reading.used, reading.limit
    if limit is None and state is ReadingState.NO_CONTRACT:
        status = UsageStatus.UNKNOWN
    else:
        at_risk = at_risk_ratio(meter, contract)
        status = status_of(used, limit, at_risk, meter.enforcement, reading.overage, reading.refused)
    return UsageAgainstLimit(
        status,
        None if used is None else _round_usage(used, limit, meter, contract),
        None if limit is None else round_number(limit.value),
    )


def round_number(number: Number) -> Decimal:
    """Return a number as a decimal: exactly, or to the nearest billionth if it is a quotient."""
    if isinstance(number, Decimal):
        return number
    if isinstance(number, int):
        return Decimal(number)
    return from_nanos(*divmod(round(number * NANOS), NANOS))


def _round_usage(used: Number, limit: Limit | None, meter: Meter, contract: Contract) -> Decimal:
    """Return the usage as a decimal that is on the same side of the limit and of every threshold as the usage itself.

    Otherwise a quotient just above its limit would be shown equal to the limit, and still be EXCEEDED.
    """
    rounded = round_number(used)
    if limit is None or not isinstance(used, Fraction):
        return rounded
    for ratio in alerting_ratios(meter, contract):
        boundary = multiply(ratio, limit.value)
        shown = round_number(boundary)
        if used == boundary:
            return shown
        if used < boundary and rounded >= shown:
            rounded = from_nanos(*divmod(min(floor(used * NANOS), ceil(Fraction(shown) * NANOS) - 1), NANOS))
        elif used > boundary and rounded <= shown:
            rounded = from_nanos(*divmod(max(ceil(used * NANOS), floor(Fraction(shown) * NANOS) + 1), NANOS))
    return rounded


def _round_share(share: Share) -> ReadingShare:
    limit = None if share.limit is None else round_number(share.limit)
    rounded = ReadingShare(share.dimension, share.key, share.label, round_number(share.used), limit)
    if share.remaining is None or share.remaining == rounded.remaining:
        return rounded
    return rounded._replace(stated_remaining=round_number(share.remaining))


def _entity_usage(shares: Sequence[Share]) -> EntityUsage:
    return EntityUsage(
        {share.key: str(round_number(share.used)) for share in shares},
        {share.key: share.label for share in shares if share.key and share.label != share.key},
    )


def _state_remaining(judged: JudgedReading, reading: Reading) -> JudgedReading:
    """Keep the figures that a meter states by itself, where they do not follow from usage and limit."""
    remaining, overage = reading.remaining, reading.overage
    return judged._replace(
        stated_remaining=None if remaining is None or remaining == judged.remaining else round_number(remaining),
        stated_overage=None if overage is None or overage == judged.overage else round_number(overage),
    )


def _judge_thresholds(
    meter: Meter,
    contract: Contract,
    reading: Reading,
    used: Number,
    limit: Limit,
    usage: UsageAgainstLimit,
    previous: Document | None,
    measured_at: datetime,
) -> tuple[Threshold, ...]:
    """Return the thresholds of a limit, lowest first, each with the time of its crossing."""
    rule, judged = CrossingRule.of(meter, contract), []
    for ratio in alerting_ratios(meter, contract):
        value = multiply(ratio, limit.value)
        judged.append((ratio, round_number(value), rule.is_crossed(ratio, value, used, usage.status)))
    any_crossed = any(crossed for *_, crossed in judged)
    earlier = crossing_times(previous, reading.period, usage.limit) if previous and any_crossed else {}
    return tuple(
        Threshold(ratio, value, rule.status_above(ratio), (earlier.get(ratio) or measured_at) if crossed else None)
        for ratio, value, crossed in judged
    )
