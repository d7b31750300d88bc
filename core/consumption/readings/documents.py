"""The codec of stored readings: the only module that knows the JSON in which the snapshot keeps a reading.

Decimals and times are text, records are arrays, and what is None or empty is left out. A snapshot is decoded as a
whole for readers; a refresh needs little of the reading before, and takes that by the narrow functions below, as
decoding all of it would cost a refresh a tenth of its time.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, Required, TypedDict

from allowance import Period

from core.consumption.readings.judged_reading import (
    NEVER_MEASURED,
    CrossedRatios,
    EntityUsage,
    JudgedReading,
    Problem,
    ReadingShare,
    Threshold,
    UsageAgainstLimit,
)
from core.consumption.readings.state import ReadingState
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.text import decimal_text


class Document(TypedDict, total=False):
    """A stored reading. Arrays hold the fields of a record in its order, a period first day, end and time zone.

    `state` is left out where the other fields show it; before 1.1 it always was. `stated` holds what remains, what is
    owed and what was refused; before 1.1 not what was refused.
    """

    status: Required[str]
    state: str
    used: str
    limit: str
    measured_at: str
    basis: str
    period: list[str]
    shares: list[list[Any]]
    stated: list[str | None]
    grants: dict[str, str]
    due_at: str
    thresholds: list[list[Any]]
    crossed: list[Any]
    entities: list[Mapping[str, str]]
    problem: list[str]


class ListedReading(NamedTuple):
    """The parts of a stored reading that decide where its license is listed.

    `severity` is None for a reading that is no part of the status. `utilization` is usage by limit, None without either
    or if the limit is 0.
    """

    severity: int | None
    utilization: float | None
    measured_at: datetime | None
    due_at: datetime | None
    has_problem: bool


# Tables, since making or reading a member of an enumeration takes five times as long.
_STATUSES: Final = {status.value: status for status in UsageStatus}
_SEVERITIES: Final = {status.value: rank for status, rank in SEVERITY.items()}
_STATES: Final = {state.value: state for state in ReadingState}
_MEASURED: Final = ReadingState.MEASURED
_NOT_IN_CONTRACT: Final = ReadingState.NOT_IN_CONTRACT
_OK: Final = UsageStatus.OK.value
_NOTHING_STATED: Final = [None, None, None]
# Remembered, since most readings of a batch share their times, periods, limits and ratios.
_time_text = lru_cache(maxsize=1024)(datetime.isoformat)
_parse_time = lru_cache(maxsize=1024)(datetime.fromisoformat)
_parse_limit = lru_cache(maxsize=4096)(Decimal)
_parse_period = lru_cache(maxsize=1024)(
    lambda first, end, zone: Period(date.fromisoformat(first), date.fromisoformat(end), zone)
)


def encode_reading(reading: JudgedReading) -> Document:
    """Return the document of a reading. Times must be in UTC."""
    document = _encode_fields(reading)
    if reading.state is not _state(document):
        document["state"] = reading.state._value_
    if reading.entities is not None:
        document["entities"] = list(reading.entities)
    return document


def _encode_fields(reading: JudgedReading) -> Document:
    """Return the document of a reading without its state and its usage by entity."""
    status, used, limit, basis, period, shares, thresholds, grants, measured, due, problem, crossed, *_ = reading
    stated = [reading.stated_remaining, reading.stated_overage, reading.refused]
    document: Document = {"status": status._value_}
    if used is not None:
        document["used"] = str(used)
    if limit is not None:
        document["limit"] = str(limit)
    if measured is not None:
        document["measured_at"] = _time_text(measured)
    if basis is not None:
        document["basis"] = basis
    if period:
        document["period"] = [period.first.isoformat(), period.end.isoformat(), period.time_zone]
    if shares:
        document["shares"] = [
            [dimension, key, label, str(part), None if most is None else str(most)]
            if left is None
            else [dimension, key, label, str(part), None if most is None else str(most), str(left)]
            for dimension, key, label, part, most, left in shares
        ]
    if stated != _NOTHING_STATED:
        document["stated"] = [None if figure is None else str(figure) for figure in stated]
    if grants:
        document["grants"] = {key: str(left) for key, left in grants.items()}
    if due is not None:
        document["due_at"] = _time_text(due)
    if thresholds:
        document["thresholds"] = [
            [str(ratio), decimal_text(value), above._value_, None if crossed_at is None else _time_text(crossed_at)]
            for ratio, value, above, crossed_at in thresholds
        ]
    if crossed:
        ratios = [decimal_text(ratio) for ratio in crossed.ratios]
        document["crossed"] = [crossed.period_first.isoformat(), decimal_text(crossed.limit), ratios]
    if problem:
        document["problem"] = _encode_problem(problem)
    return document


def _state(document: Document) -> ReadingState:
    """Return the state of a reading: the stored one, else the state that the other fields show."""
    if "state" in document:
        return _STATES[document["state"]]
    if "used" in document and "limit" in document:
        return _MEASURED
    if "measured_at" not in document:
        return ReadingState.NEVER_MEASURED
    if "limit" in document:
        return ReadingState.TERM_ONLY if document["status"] == _OK else ReadingState.NOTHING_REPORTED
    return ReadingState.UNLIMITED if Decimal(document.get("used", "0")) else _NOT_IN_CONTRACT


NEVER_MEASURED_DOCUMENT: Final = encode_reading(NEVER_MEASURED)


def decode_reading(document: Document) -> JudgedReading:
    """Return the reading of a document."""
    period, problem = document.get("period"), document.get("problem")
    remaining, overage, *refused = document.get("stated") or (None, None)
    return JudgedReading(
        status=_STATUSES[document["status"]],
        used=_decimal(document.get("used")),
        limit=_limit(document.get("limit")),
        basis=document.get("basis"),
        period=_parse_period(*period) if period else None,
        shares=tuple(
            ReadingShare(dimension, key, label, Decimal(used), *map(_limit, limits))
            for dimension, key, label, used, *limits in document.get("shares", ())
        ),
        thresholds=tuple(
            Threshold(_parse_limit(ratio), _parse_limit(value), _STATUSES[status], _time(crossed_at))
            for ratio, value, status, crossed_at in document.get("thresholds", ())
        ),
        grants={key: Decimal(left) for key, left in document.get("grants", {}).items()},
        measured_at=_time(document.get("measured_at")),
        due_at=_time(document.get("due_at")),
        problem=_decode_problem(problem) if problem else None,
        crossed=decode_crossed(document),
        entities=EntityUsage(*document["entities"]) if "entities" in document else None,
        stated_remaining=_decimal(remaining),
        stated_overage=_decimal(overage),
        refused=_decimal(*refused) if refused else None,
        state=_state(document),
    )


def decode_usage(document: Document) -> UsageAgainstLimit:
    """Return only the status, usage and limit of a document."""
    return UsageAgainstLimit(
        _STATUSES[document["status"]], _decimal(document.get("used")), _limit(document.get("limit"))
    )


def decode_crossed(document: Document | None) -> CrossedRatios | None:
    """Return the ratios for which alerts were open, or None if there were none."""
    crossed = document.get("crossed") if document else None
    if not crossed:
        return None
    first, limit, ratios = crossed
    return CrossedRatios(date.fromisoformat(first), _parse_limit(limit), tuple(map(_parse_limit, ratios)))


def measured_at(document: Document | None) -> datetime | None:
    """Return the time at which the reading was measured, or None if it never was."""
    time = document.get("measured_at") if document else None
    return _parse_time(time) if time else None


def last_measured(documents: Iterable[Document]) -> datetime | None:
    """Return the latest time at which any of the readings was measured, or None if none ever was."""
    return max((time for document in documents if (time := measured_at(document))), default=None)


def due_at(document: Document | None) -> datetime | None:
    """Return the time at which the reading is to be measured next, or None if it never was measured."""
    return _time(document.get("due_at")) if document else None


def listed_reading(document: Document) -> ListedReading:
    """Return the parts of a document that decide where its license is listed."""
    counts = _state(document) is not _NOT_IN_CONTRACT
    used, limit = document.get("used"), document.get("limit")
    whole = float(limit) if limit is not None else 0.0
    return ListedReading(
        _SEVERITIES[document["status"]] if counts else None,
        float(used) / whole if used is not None and whole > 0 else None,
        measured_at(document),
        due_at(document),
        "problem" in document,
    )


def crossing_times(
    document: Document, period: Period | None, limit: Decimal | None
) -> Mapping[Decimal, datetime | None]:
    """Return the crossing times of thresholds by ratio; empty if the document has another period or limit.

    A period is the same if it has the same first day: its contract may end earlier or later than was agreed before.
    """
    kept = document.get("period")
    first = _parse_period(*kept).first if kept else None
    if first != (period and period.first) or _limit(document.get("limit")) != limit:
        return {}
    return {_parse_limit(ratio): _time(crossed_at) for ratio, _, _, crossed_at in document.get("thresholds", ())}


def with_problem(document: Document | None, problem: Problem, due_at: datetime) -> Document:
    """Return the document of a reading whose refresh failed: the last good values, the problem, and the next time.

    A problem that lasts keeps the time of its beginning.
    """
    good = document or NEVER_MEASURED_DOCUMENT
    since = _decode_problem(good["problem"]).since if "problem" in good else problem.since
    return {**good, "problem": _encode_problem(problem._replace(since=since)), "due_at": _time_text(due_at)}


def _encode_problem(problem: Problem) -> list[str]:
    return [problem.code, problem.message, _time_text(problem.since)]


def _decode_problem(fields: list[str]) -> Problem:
    code, message, since = fields
    return Problem(code, message, _parse_time(since))


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _limit(value: str | None) -> Decimal | None:
    return None if value is None else _parse_limit(value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else _parse_time(value)
