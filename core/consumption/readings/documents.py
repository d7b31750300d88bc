"""A reading as the snapshot keeps it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from operator import itemgetter
from typing import Any, Final, TypeAlias

from allowance import Contract, Enforcement, Meter, Period, Reading
from allowance.reading import Number

from core.consumption.readings.status import UsageStatus, status_of, times
from core.usage.amount import NANOS, from_nanos


@dataclass(frozen=True, slots=True)
class Threshold:
    """A ratio of the limit that alerts, the status beyond it, and when it was found crossed in this period."""

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
_ALL: Final = Decimal(1)
# Looked up for every reading, and reading the value of an enumeration takes long.
_OK, _AT_RISK, _EXCEEDED = UsageStatus.OK.value, UsageStatus.AT_RISK.value, UsageStatus.EXCEEDED.value
_WHOLE: Final = (_ALL, _EXCEEDED, True)


Document: TypeAlias = Mapping[str, Any]
"""A reading as JSON: decimals and times as text, nothing where there is nothing."""


def judge_reading(
    meter: Meter,
    contract: Contract,
    reading: Reading,
    before: Document | None,
    measured_at: str,
    due_at: str | None = None,
) -> dict[str, Any]:
    """Hold a reading against its limit; the document of it.

    `before` is the document of the reading before, which says what thresholds had been crossed already. Times are in
    ISO 8601, since many readings share one.
    """
    document = status_document(meter, contract, reading)
    document["measured_at"] = measured_at
    used, limit, period = reading.used, reading.limit, reading.period
    if limit is not None:
        document["basis"] = limit.basis
    if period is not None:
        document["period"] = [period.first.isoformat(), period.end.isoformat(), period.time_zone]
    if reading.shares:
        document["shares"] = [
            [
                share.dimension,
                share.key,
                share.label,
                number_text(share.used),
                None if share.limit is None else number_text(share.limit),
            ]
            for share in reading.shares
        ]
    if reading.grants:
        document["grants"] = {key: number_text(left) for key, left in reading.grants.items()}
    if due_at is not None:
        document["due_at"] = due_at
    if used is not None and limit is not None:
        status = document["status"]
        hard, further = meter.enforcement is Enforcement.HARD, _further_ratios(meter, contract)
        tells, exceeded = hard or further or status != _OK, status == _EXCEEDED
        crossed = _crossed(before, document) if before and tells else {}
        document["thresholds"] = []
        for ratio, becomes, by_status in _ratios(contract.at_risk.get(meter.key, meter.at_risk), further):
            value = times(ratio, limit.value)
            if by_status and not hard:
                is_crossed = exceeded or status == becomes
            elif exceeded and ratio <= _ALL:
                is_crossed = True
            else:  # nobody passes a hard limit: its parts are crossed once they are reached
                is_crossed = 0 < used >= value
            crossed_at = (crossed.get(ratio) or measured_at) if is_crossed else None
            document["thresholds"].append([str(ratio), _trimmed(number_text(value)), becomes, crossed_at])
    return document


def status_document(meter: Meter, contract: Contract, reading: Reading) -> dict[str, Any]:
    """How a reading stands against its limit: the document's `status`, `used` and `limit`."""
    at_risk = contract.at_risk.get(meter.key, meter.at_risk)
    document: dict[str, Any] = {"status": status_of(reading.used, reading.limit, at_risk, meter.enforcement).value}
    if reading.used is not None:
        document["used"] = number_text(reading.used)
    if reading.limit is not None:
        document["limit"] = number_text(reading.limit.value)
    return document


def _crossed(before: Document, document: Document) -> Mapping[Decimal, str | None]:
    """When the thresholds of the same limit were crossed in the same period, by their ratios."""
    if before.get("period") != document.get("period") or "limit" not in before:
        return {}
    if before["limit"] != document["limit"] and Decimal(before["limit"]) != Decimal(document["limit"]):
        return {}
    return {Decimal(ratio): crossed_at for ratio, _, _, crossed_at in before.get("thresholds", ())}


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _further_ratios(meter: Meter, contract: Contract) -> tuple[Decimal, ...]:
    """Those that people are told of and that change no status: the meter's own and the contract's."""
    return meter.notices + contract.alert_at.get(meter.key, ())


def _ratios(at_risk: Decimal | None, further: Collection[Decimal]) -> Iterable[tuple[Decimal, str, bool]]:
    """All ratios that alert, lowest first, with the status beyond each, and whether it is that one that changes it.

    What is at risk from the whole limit on has no threshold of its own for that.
    """
    if at_risk == _ALL:
        at_risk = None
    if not further:
        return (_WHOLE,) if at_risk is None else ((at_risk, _AT_RISK, True), _WHOLE)
    found = [_WHOLE] if at_risk is None else [(at_risk, _AT_RISK, True), _WHOLE]
    for ratio in {*further} - {at_risk, _ALL}:
        beyond = _EXCEEDED if ratio > _ALL else _OK if at_risk is None or ratio < at_risk else _AT_RISK
        found.append((ratio, beyond, False))
    return sorted(found, key=itemgetter(0))


def number_text(number: Number) -> str:
    """A number as it is kept: the decimal itself, or a quotient rounded to a billionth."""
    # Asked in this order, since whether something is a Fraction takes long to say.
    if isinstance(number, Decimal | int) or not isinstance(number, Fraction):
        return str(number)
    return str(from_nanos(*divmod(round(number * NANOS), NANOS)))


def from_document(document: Document) -> StoredReading:
    """The reading of a document made by :func:`judge_reading`."""
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


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
