"""Usage, questions and readings as JSON: what goes to a child process, and what comes back from it.

Numbers travel as text behind a letter for their type, since JSON has no exact ones: ``i7``, ``d0.10``,
``f1/3``. What goes to the child is ours; what comes back is a stranger's, so :func:`reading_from` takes
nothing on trust, and raises TypeError, ValueError, KeyError or ArithmeticError.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeVar

from allowance import AdmittedCell, Contract, Grant, LevelCell, License, Limit, Period, Reading, Share, SumCell, Usage
from allowance.reading import Number

from core.plugins.sandbox.question import MeterQuestion

LONGEST_ANSWER: Final = 4 * 2**20
"""Bytes. A reading with as many shares as it may have takes a fraction of it."""

_NUMBER: Final = re.compile(r"i-?[0-9]+|d-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]{1,3})?|f-?[0-9]+/[0-9]+")
T = TypeVar("T")


def usage_to(usage: Usage) -> dict[str, Any]:
    """All cells of a usage, for every view of it."""
    sums, levels, grants, admitted = [], [], [], []
    for cell in usage.cells():
        match cell:
            case SumCell():
                sums.append((cell.event, cell.first, cell.last, str(cell.amount), cell.entity, dict(cell.dimensions)))
            case LevelCell():
                levels.append((cell.event, cell.day, str(cell.value), cell.entity, dict(cell.dimensions)))
            case Grant():
                rest = cell.expires_at, cell.entity, cell.time_zone, cell.meter
                grants.append((cell.id, str(cell.amount), cell.granted_at, *rest))
            case AdmittedCell():
                admitted.append((cell.meter, _period_to(cell.window), cell.day, cell.count))
    return {
        "at": usage.at,
        "time_zone": usage.time_zone,
        "sums": sums,
        "levels": levels,
        "grants": grants,
        "admitted": admitted,
        "loaded_from": dict(usage.loaded_from),
    }


def usage_from(data: Mapping[str, Any]) -> Usage:
    """The usage whose views :func:`view_of` gives."""
    day, instant = date.fromisoformat, datetime.fromisoformat
    return Usage(
        instant(data["at"]),
        data["time_zone"],
        sums=(
            SumCell(event, day(first), day(last), Decimal(amount), *rest)
            for event, first, last, amount, *rest in data["sums"]
        ),
        levels=(LevelCell(event, day(on), Decimal(value), *rest) for event, on, value, *rest in data["levels"]),
        grants=(
            Grant(key, Decimal(amount), instant(granted), instant(expires) if expires else None, *rest)
            for key, amount, granted, expires, *rest in data["grants"]
        ),
        admitted=(
            AdmittedCell(meter, _period_from(window), day(on), count) for meter, window, on, count in data["admitted"]
        ),
        loaded_from={event: day(first) for event, first in data["loaded_from"].items()},
    )


def question_to(question: MeterQuestion) -> dict[str, Any]:
    """A question; of its usage only which view it is about."""
    owner, contract = question.license, question.contract
    return {
        "meter": question.meter.key,
        "at": question.usage.at,
        "day": question.usage.day,
        "license": (owner.key, owner.name, owner.time_zone),
        "contract": (
            contract.version,
            _period_to(contract.period),
            {key: number_to(value) for key, value in contract.terms.items()},
            {key: number_to(value) for key, value in contract.at_risk.items()},
            {key: [number_to(value) for value in values] for key, values in contract.alert_at.items()},
        ),
    }


def view_of(usage: Usage, data: Mapping[str, Any]) -> Usage:
    """The view that a question is about."""
    view = usage.as_of(usage.day)
    view.day, view.at = date.fromisoformat(data["day"]), datetime.fromisoformat(data["at"])
    return view


def license_from(data: Mapping[str, Any]) -> License:
    """The license that a question is about."""
    return License(*data["license"])


def contract_from(data: Mapping[str, Any]) -> Contract:
    """The contract that a question is about."""
    version, period, terms, at_risk, alert_at = data["contract"]
    further: dict[str, Any] = {key: tuple(map(number_from, values)) for key, values in alert_at.items()}
    return Contract(version, _period_from(period), _decimals(terms), _decimals(at_risk), further)


def reading_to(reading: object) -> dict[str, Any]:
    """A reading, or what a meter gave for one. Raises TypeError where it is none."""
    if not isinstance(reading, Reading):
        raise TypeError(f"measure() returned a {type(reading).__name__}, not a Reading")
    limit, period = reading.limit, reading.period
    return {
        "used": _optional(number_to, reading.used),
        "limit": None if limit is None else (number_to(limit.value), limit.basis, limit.exhaustible),
        "period": None if period is None else _period_to(period),
        "shares": [
            (share.dimension, share.key, share.label, number_to(share.used), _optional(number_to, share.limit))
            for share in reading.shares
        ],
        "grants": {grant: number_to(left) for grant, left in reading.grants.items()},
    }


def reading_from(data: object) -> Reading:
    """The reading in a child's answer."""
    found = _of(dict, data)
    limit, period = found["limit"], found["period"]
    return Reading(
        used=_optional(number_from, found["used"]),
        limit=None if limit is None else _limit_from(limit),
        period=None if period is None else _period_from(period),
        shares=tuple(_share_from(share) for share in _of(list, found["shares"])),
        grants={grant: number_from(left) for grant, left in _of(dict, found["grants"]).items()},
    )


def number_to(value: object) -> str:
    """An exact number as text. Raises TypeError for anything else, such as a float or a bool."""
    match value:
        case bool():
            pass
        case int():
            return f"i{value:d}"
        case Decimal():
            return f"d{value}"
        case Fraction():
            return f"f{value.numerator}/{value.denominator}"
    raise TypeError(f"a {type(value).__name__} is no exact number; give an int, a Decimal or a Fraction")


def number_from(data: object) -> Number:
    """The number in such a text. Infinities and NaN are refused."""
    text = _of(str, data)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no number that can be reckoned with")
    kind: type[int | Decimal | Fraction] = {"i": int, "d": Decimal, "f": Fraction}[text[0]]
    return kind(text[1:])


def _limit_from(data: object) -> Limit:
    value, basis, exhaustible = _of(list, data)
    return Limit(number_from(value), _of(str, basis), _of(bool, exhaustible))


def _share_from(data: object) -> Share:
    dimension, key, label, used, limit = _of(list, data)
    return Share(_of(str, dimension), _of(str, key), _of(str, label), number_from(used), _optional(number_from, limit))


def _period_to(period: Period) -> tuple[date, date, str]:
    return period.first, period.end, period.time_zone


def _period_from(data: object) -> Period:
    first, end, time_zone = (_of(str, part) for part in _of(list, data))
    return Period(date.fromisoformat(first), date.fromisoformat(end), time_zone)


def _decimals(data: Mapping[str, str]) -> dict[str, Any]:
    return {key: number_from(value) for key, value in data.items()}


def _optional(convert: Any, value: object) -> Any:
    return None if value is None else convert(value)


def _of(kind: type[T], value: object) -> T:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} stands where a {kind.__name__} is due")
    return value
