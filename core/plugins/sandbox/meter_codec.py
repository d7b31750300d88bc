"""Usage, contracts and readings as JSON: the content of the requests and answers of measuring.

Usage and contracts go to the child process and can be trusted. Readings come from partners' code, so
:func:`decode_reading` checks the type of every value.

JSON has no exact numbers. Numbers are therefore texts that begin with a letter for their type: ``i7``, ``d0.10``,
``f1/3``. Cells, periods, limits and shares are lists of their fields in order; only this module knows the order.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeVar

from allowance import (
    AdmittedCell,
    Contract,
    EntityCell,
    Grant,
    LevelCell,
    Limit,
    Period,
    Reading,
    Share,
    SumCell,
    Usage,
)
from allowance.reading import Number

_NUMBER: Final = re.compile(r"i-?[0-9]+|d-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]{1,3})?|f-?[0-9]+/[0-9]+")
T = TypeVar("T")


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Return the data of a usage: all its cells, so that the child can create every view of it."""
    sums, levels, grants, admitted = [], [], [], []
    for cell in usage.cells():
        match cell:
            case SumCell():
                rest = cell.entity, dict(cell.dimensions), cell.starts_at
                sums.append((cell.event, cell.first, cell.last, str(cell.amount), *rest))
            case LevelCell():
                levels.append((cell.event, cell.day, str(cell.value), cell.entity, dict(cell.dimensions)))
            case Grant():
                grant = cell.id, str(cell.amount), cell.granted_at, cell.expires_at
                grants.append((*grant, cell.entity, cell.time_zone, cell.meter))
            case AdmittedCell():
                admitted.append((cell.meter, _encode_period(cell.window), cell.day, cell.count, cell.refused))
    return {
        "at": usage.at,
        "time_zone": usage.time_zone,
        "sums": sums,
        "levels": levels,
        "grants": grants,
        "admitted": admitted,
        "loaded_from": dict(usage.loaded_from),
        "entities": [(entity.name, entity.label, entity.closed_from, entity.into) for entity in usage.entities],
    }


def decode_usage(data: Mapping[str, Any]) -> Usage:
    """Return the usage of the data that :func:`encode_usage` returned."""
    day, instant = date.fromisoformat, datetime.fromisoformat
    return Usage(
        instant(data["at"]),
        data["time_zone"],
        sums=(
            SumCell(event, day(first), day(last), Decimal(amount), entity, by, instant(starts) if starts else None)
            for event, first, last, amount, entity, by, starts in data["sums"]
        ),
        levels=(LevelCell(event, day(on), Decimal(value), *rest) for event, on, value, *rest in data["levels"]),
        grants=(
            Grant(key, Decimal(amount), instant(granted), instant(expires) if expires else None, *rest)
            for key, amount, granted, expires, *rest in data["grants"]
        ),
        admitted=(
            AdmittedCell(meter, _decode_period(window), day(on), *counts)
            for meter, window, on, *counts in data["admitted"]
        ),
        loaded_from={event: day(first) for event, first in data["loaded_from"].items()},
        entities=(
            EntityCell(name, label, day(closed) if closed else None, into)
            for name, label, closed, into in data["entities"]
        ),
    )


def encode_contract(contract: Contract) -> list[Any]:
    """Return the data of a contract."""
    return [
        contract.version,
        _encode_period(contract.period),
        {key: encode_number(value) for key, value in contract.terms.items()},
        {key: encode_number(value) for key, value in contract.at_risk.items()},
        {key: [encode_number(value) for value in values] for key, values in contract.alert_at.items()},
    ]


def decode_contract(data: Sequence[Any]) -> Contract:
    """Return the contract of the data that :func:`encode_contract` returned."""
    version, period, terms, at_risk, alert_at = data
    ratios: dict[str, Any] = {key: tuple(map(decode_number, values)) for key, values in alert_at.items()}
    return Contract(version, _decode_period(period), _decode_numbers(terms), _decode_numbers(at_risk), ratios)


def encode_reading(reading: object) -> dict[str, Any]:
    """Return the data of a reading.

    Args:
        reading: The return value of a meter, which may be anything.

    Raises:
        TypeError: If it is not a Reading, or a number is not exact.
    """
    if not isinstance(reading, Reading):
        raise TypeError(f"measure() returned a {type(reading).__name__}, not a Reading")
    limit, period = reading.limit, reading.period
    return {
        "used": _optional(encode_number, reading.used),
        "limit": None if limit is None else (encode_number(limit.value), limit.basis, limit.exhaustible),
        "period": None if period is None else _encode_period(period),
        "shares": [
            (
                share.dimension,
                share.key,
                share.label,
                encode_number(share.used),
                _optional(encode_number, share.limit),
                _optional(encode_number, share.remaining),
            )
            for share in reading.shares
        ],
        "grants": {grant: encode_number(left) for grant, left in reading.grants.items()},
        "remaining": _optional(encode_number, reading.remaining),
        "overage": _optional(encode_number, reading.overage),
        "refused": _optional(encode_number, reading.refused),
        "ahead": [encode_number(amount) for amount in reading.ahead],
    }


def decode_reading(data: object) -> Reading:
    """Return the reading of data that a child sent.

    Raises:
        TypeError: If a value has another type than :func:`encode_reading` writes.
        ValueError: If a text is not a number or a date, or a list has another length.
        KeyError: If a field is missing.
        ArithmeticError: If a number cannot be represented.
    """
    fields = _checked(dict, data)
    limit, period = fields["limit"], fields["period"]
    return Reading(
        used=_optional(decode_number, fields["used"]),
        limit=None if limit is None else _decode_limit(limit),
        period=None if period is None else _decode_period(period),
        shares=tuple(_decode_share(share) for share in _checked(list, fields["shares"])),
        grants={grant: decode_number(left) for grant, left in _checked(dict, fields["grants"]).items()},
        remaining=_optional(decode_number, fields["remaining"]),
        overage=_optional(decode_number, fields["overage"]),
        refused=_optional(decode_number, fields["refused"]),
        ahead=tuple(decode_number(amount) for amount in _checked(list, fields["ahead"])),
    )


def encode_number(value: object) -> str:
    """Return an exact number as text. Raises TypeError for any other type, such as float or bool."""
    match value:
        case bool():
            pass
        case int():
            return f"i{value:d}"
        case Decimal():
            return f"d{value}"
        case Fraction():
            return f"f{value.numerator}/{value.denominator}"
    raise TypeError(f"a {type(value).__name__} is not an exact number; return an int, a Decimal or a Fraction")


def decode_number(data: object) -> Number:
    """Return the number of a text. Raises ValueError for infinities, NaN and anything else that is not a number."""
    text = _checked(str, data)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a valid number")
    kind: type[int | Decimal | Fraction] = {"i": int, "d": Decimal, "f": Fraction}[text[0]]
    return kind(text[1:])


def _decode_limit(data: object) -> Limit:
    value, basis, exhaustible = _checked(list, data)
    return Limit(decode_number(value), _checked(str, basis), _checked(bool, exhaustible))


def _decode_share(data: object) -> Share:
    dimension, key, label, used, limit, remaining = _checked(list, data)
    return Share(
        _checked(str, dimension),
        _checked(str, key),
        _checked(str, label),
        decode_number(used),
        _optional(decode_number, limit),
        _optional(decode_number, remaining),
    )


def _encode_period(period: Period) -> tuple[date, date, str]:
    return period.first, period.end, period.time_zone


def _decode_period(data: object) -> Period:
    first, end, time_zone = (_checked(str, part) for part in _checked(list, data))
    return Period(date.fromisoformat(first), date.fromisoformat(end), time_zone)


def _decode_numbers(data: Mapping[str, str]) -> dict[str, Any]:
    return {key: decode_number(value) for key, value in data.items()}


def _optional(convert: Any, value: object) -> Any:
    return None if value is None else convert(value)


def _checked(kind: type[T], value: object) -> T:
    if type(value) is not kind:
        raise TypeError(f"expected a {kind.__name__}, got a {type(value).__name__}")
    return value
