"""The rows of contract commitments, in the columns of FOCUS 1.3 (https://focus.finops.org/focus-specification/v1-3/).

The limit of a meter under a contract version is a commitment for each billing period, and for a hard quota for each of
its windows. A commitment of FOCUS has an end. A contract without one renews itself from period to period, so it reaches
as far as the billing period that is running.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from allowance import Admission, Contract, Enforcement, Limit, Meter, Unit
from allowance.text import ENGLISH, UnitFormat

from core.admission.window import window_at
from core.consumption.readings.judging import round_number
from core.exports.query import ExportQuery
from core.exports.rows import Position, PositionedRow, Value
from core.licenses.in_force import days_in_force
from core.licenses.load import LoadedLicense
from core.licenses.quota_terms import quota_terms
from core.licenses.tables import ContractVersion
from core.plugins.registry import Registry

_CATEGORY: Final = "Usage"
"""The category of a commitment to an amount of usage. The other category of FOCUS, `Spend`, is of money."""
_BYTES: Final = "B"
_PER: Final = " per "


class _Validity(NamedTuple):
    """The time from `start` up to `end`, which begins on the day `first`."""

    start: datetime
    end: datetime
    first: date


def commitment_rows(
    license: LoadedLicense, query: ExportQuery, after: Position, registry: Registry
) -> Iterator[PositionedRow]:
    """Yield the commitments of a license that cover a part of the query's days, behind a position.

    They are in the order of contract versions, meters and days. A limit that a meter works out by itself is in no
    contract, and neither are credits, which are granted.
    """
    last_meter, _, last_day = after.text.rpartition("/")
    last = after.number, last_meter
    meters = [registry.meters[key] for key in sorted(registry.meters)]
    for version, first, end in sorted(days_in_force(license.versions), key=lambda one: one.version.version):
        contract = _Validity(license.start_of(first), license.start_of(end or _running_end(license, first)), first)
        for meter in meters:
            limit, place = _limit(meter, license.contract_on(first)), (version.version, meter.key)
            if limit is None or place < last:
                continue
            begin = max(first, min(date.fromisoformat(last_day), query.last) if place == last else query.first)
            for span in _spans(license, version, meter, contract, begin):
                if span.start > license.end_of(query.last):
                    break
                position = Position(version.version, f"{meter.key}/{span.first}")
                if position > after:
                    yield position, _values(license, version, meter, limit, contract, span)


def _running_end(license: LoadedLicense, first: date) -> date:
    """Return the end of the billing period in which a contract without an end is, or in which it begins later."""
    return license.period_on(max(license.today, first)).end


def _limit(meter: Meter, contract: Contract) -> Limit | None:
    """Return the limit of a meter under a contract; None without a limit, or without usage to hold against it."""
    return None if meter.enforcement is Enforcement.NONE else meter.limit_of(contract)


def _spans(
    license: LoadedLicense, version: ContractVersion, meter: Meter, contract: _Validity, begin: date
) -> Iterator[_Validity]:
    """Yield the time for which each commitment of a meter holds, from that of a day on, within the contract."""
    at = license.start_of(begin)
    while at < contract.end:
        if isinstance(meter, Admission):
            terms = quota_terms(version.quotas, meter.key)
            window = window_at(at, terms, version, license.license.time_zone)
            start, end, zone = window.start, window.end, window.time_zone
        else:
            period = license.period_on(license.day_of(at))
            start, end, zone = period.starts_at, period.ends_at, period.time_zone
        start = max(start, contract.start)
        yield _Validity(start, min(end, contract.end), start.astimezone(ZoneInfo(zone)).date())
        at = end


def _values(
    license: LoadedLicense, version: ContractVersion, meter: Meter, limit: Limit, contract: _Validity, span: _Validity
) -> Sequence[Value]:
    key, number = license.license.key, version.version
    contract_id = f"{key}/{number}"
    return (
        *(None, _CATEGORY, None, f"{meter.title}: {limit.basis} (version {number} of the contract of {key})"),
        *(f"{contract_id}/{meter.key}/{span.first}", span.end, span.start),
        *(round_number(limit.value), _type(meter), focus_unit(meter.unit_forms)),
        *(contract_id, contract.end, contract.start),
        *(key, meter.key, number, version.ends_on),
    )


def _type(meter: Meter) -> str:
    if isinstance(meter, Admission):
        return "Places per quota window"
    return "Usage per billing period" if meter.counts_over_period else "Usage at any time"


def focus_unit(unit: Unit) -> str:
    """Return a unit as the attribute Unit Format of FOCUS wants it, such as `Profiles`, `Interactions/Profile`, `B`."""
    if unit.format is UnitFormat.BYTES:
        return _BYTES
    words = unit.form("other", ENGLISH).replace(_PER, "/")
    return re.sub(r"(?:^|(?<=[ /]))\w", lambda letter: letter.group().upper(), words)
