"""A reading as the snapshot keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from allowance import Contract, Meter, Period, Reading
from allowance.reading import Number

from core.consumption.status import UsageStatus, status_of
from core.usage.amount import NANOS, join


@dataclass(frozen=True, slots=True)
class Threshold:
    """A ratio of the limit that changes the status, and when it was found crossed in this period."""

    ratio: Decimal
    value: Decimal
    status: UsageStatus
    crossed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A part of the usage, by one value of one dimension."""

    dimension: str
    key: str
    label: str
    used: Decimal
    limit: Decimal | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the last refresh of a reading failed, in words that a caller may see."""

    code: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A reading with its status. With a `problem`, the rest is the last good reading, if there was one.

    `measured_at` is None where none ever was; `due_at` is when it is to be measured next.
    """

    status: UsageStatus
    used: Decimal | None = None
    limit: Decimal | None = None
    basis: str | None = None
    period: Period | None = None
    shares: tuple[StoredShare, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    grants: Mapping[str, Decimal] = field(default_factory=dict)
    measured_at: datetime | None = None
    due_at: datetime | None = None
    problem: Problem | None = None


UNMEASURED: Final = StoredReading(UsageStatus.UNKNOWN)


def judge(
    meter: Meter,
    contract: Contract,
    reading: Reading,
    before: StoredReading | None,
    measured_at: datetime,
    due_at: datetime | None = None,
) -> StoredReading:
    """Hold a reading against its limit. `before` says which thresholds had been crossed already."""
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    status = status_of(reading.used, reading.limit, at_risk, meter.enforcement)
    limit = None if reading.limit is None else exact(reading.limit.value)
    judged = StoredReading(
        status=status,
        used=None if reading.used is None else exact(reading.used),
        limit=limit,
        basis=None if reading.limit is None else reading.limit.basis,
        period=reading.period,
        shares=tuple(
            StoredShare(
                share.dimension,
                share.key,
                share.label,
                exact(share.used),
                None if share.limit is None else exact(share.limit),
            )
            for share in reading.shares
        ),
        grants={key: exact(left) for key, left in reading.grants.items()},
        measured_at=measured_at,
        due_at=due_at,
    )
    if limit is None or reading.used is None:
        return judged
    ratios = [(Decimal(1), UsageStatus.EXCEEDED)]
    if at_risk is not None:
        ratios.insert(0, (at_risk, UsageStatus.AT_RISK))
    same = before is not None and before.limit == limit and before.period == reading.period
    known = {threshold.ratio: threshold.crossed_at for threshold in before.thresholds} if before and same else {}
    thresholds = []
    for ratio, becomes in ratios:
        crossed = status is UsageStatus.EXCEEDED or status is becomes
        crossed_at = known.get(ratio) or measured_at if crossed else None
        thresholds.append(Threshold(ratio, exact(Fraction(ratio) * Fraction(limit)), becomes, crossed_at))
    return replace(judged, thresholds=tuple(thresholds))


def exact(number: Number) -> Decimal:
    """A number as it is kept: the decimal itself, or a quotient rounded to a billionth."""
    if isinstance(number, int):
        return Decimal(number)
    if isinstance(number, Decimal):
        return number
    return join(*divmod(round(number * NANOS), NANOS))


def to_document(reading: StoredReading) -> dict[str, Any]:
    """The reading as JSON: decimals and times as text, nothing where there is nothing."""
    document: dict[str, Any] = {
        "status": reading.status.value,
        "used": _text(reading.used),
        "limit": _text(reading.limit),
        "basis": reading.basis,
        "period": _period_document(reading.period),
        "shares": [[s.dimension, s.key, s.label, str(s.used), _text(s.limit)] for s in reading.shares],
        "thresholds": [[str(t.ratio), str(t.value), t.status.value, _text(t.crossed_at)] for t in reading.thresholds],
        "grants": {key: str(left) for key, left in reading.grants.items()},
        "measured_at": _text(reading.measured_at),
        "due_at": _text(reading.due_at),
        "problem": None
        if reading.problem is None
        else [reading.problem.code, reading.problem.message, _text(reading.problem.since)],
    }
    return {key: value for key, value in document.items() if value not in (None, [], {})}


def from_document(document: Mapping[str, Any]) -> StoredReading:
    """The reading of a document made by :func:`to_document`."""
    period = document.get("period")
    problem = document.get("problem")
    return StoredReading(
        status=UsageStatus(document["status"]),
        used=_decimal(document.get("used")),
        limit=_decimal(document.get("limit")),
        basis=document.get("basis"),
        period=Period(date.fromisoformat(period[0]), date.fromisoformat(period[1]), period[2]) if period else None,
        shares=tuple(
            StoredShare(dimension, key, label, Decimal(used), _decimal(limit))
            for dimension, key, label, used, limit in document.get("shares", ())
        ),
        thresholds=tuple(
            Threshold(Decimal(ratio), Decimal(value), UsageStatus(status), _time(crossed_at))
            for ratio, value, status, crossed_at in document.get("thresholds", ())
        ),
        grants={key: Decimal(left) for key, left in document.get("grants", {}).items()},
        measured_at=_time(document.get("measured_at")),
        due_at=_time(document.get("due_at")),
        problem=Problem(problem[0], problem[1], datetime.fromisoformat(problem[2])) if problem else None,
    )


def _period_document(period: Period | None) -> Sequence[str] | None:
    return None if period is None else [period.first.isoformat(), period.end.isoformat(), period.time_zone]


def _text(value: Decimal | datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
