"""The loading of what reports need, in a fixed number of statements for any number of licenses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

from allowance import Contract
from sqlmodel import Session

from core.admission.window_usage import load_admitted
from core.consumption.current import load_all_current
from core.consumption.current_readings import current_readings
from core.consumption.history import TimeRange, read_rows
from core.consumption.points import Point, points_by_meter
from core.consumption.view import ReadingView, view_consumption
from core.forecast.documents import MeterOutlook
from core.forecast.reading_forecast import forecast_reading
from core.forecast.store import load_outlooks
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry
from core.report.contract_report import ContractReport, CurrentOutlook, contract_report
from core.report.day_usage import limit_under

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ReportDays:
    """A license, and the first and the last day of its report."""

    license: LoadedLicense
    first: date
    last: date


def load_reports(
    session: Session,
    asked: Sequence[ReportDays],
    registry: Registry,
    now: datetime,
    headroom: Decimal,
    terms: Mapping[str, Decimal] | None = None,
) -> dict[int, ContractReport]:
    """Return the reports on the contracts of licenses by license id, in a fixed number of statements.

    Args:
        session: The session to read with.
        asked: The licenses with their days, each license once.
        registry: The installed meters.
        now: The present time.
        headroom: What suggested limits add to the demand, as a ratio of it.
        terms: Terms that replace those of the contracts; None for the contracts as they are.
    """
    if not asked:
        return {}
    terms = terms or {}
    history = _load_history(session, asked)
    licenses = [each.license for each in asked]
    admitted = load_admitted(session, licenses, min(each.first for each in asked), registry, now)
    meters = tuple(registry.meters.values())
    current = _load_current(session, [each.license for each in asked if each.last == each.license.today], registry, now)
    return {
        each.license.id: contract_report(
            each.license,
            meters,
            history.get(each.license.id, {}),
            admitted[each.license.id],
            each.first,
            each.last,
            headroom,
            terms,
            _outlooks(each.license, current.get(each.license.id), terms, now),
        )
        for each in asked
    }


def _load_history(session: Session, asked: Sequence[ReportDays]) -> Mapping[int, Mapping[str, list[Point]]]:
    """Return the history of each meter by license id and meter key, oldest first."""
    # From a midnight of the license on, since the first entry of a day is whole.
    ranges = [
        TimeRange(
            each.license.id,
            each.license.start_of(each.first) - _INSTANT,
            each.license.end_of(each.last),
        )
        for each in asked
    ]
    of_licenses = groupby(read_rows(session, ranges), key=lambda row: row[0])
    return {license_id: points_by_meter((at, entries) for _, at, entries in rows) for license_id, rows in of_licenses}


@dataclass(frozen=True, slots=True)
class _CurrentReadings:
    """The current readings of a license with the stored outlooks of its meters."""

    readings: Sequence[ReadingView]
    outlooks: Mapping[str, MeterOutlook]


def _load_current(
    session: Session, licenses: Sequence[LoadedLicense], registry: Registry, now: datetime
) -> dict[int, _CurrentReadings]:
    """Return the current readings of licenses with their outlooks, by license id."""
    if not licenses:
        return {}
    outlooks = load_outlooks(session, [license.id for license in licenses])
    found: dict[int, _CurrentReadings] = {}
    for one in load_all_current(session, licenses):
        view = view_consumption(one.license, current_readings(one, registry, now), one.version, registry, now)
        readings = [reading for section in view.sections for reading in section.readings]
        found[one.license.id] = _CurrentReadings(readings, outlooks.get(one.license.id, {}))
    return found


def _outlooks(
    license: LoadedLicense, current: _CurrentReadings | None, terms: Mapping[str, Decimal], now: datetime
) -> Mapping[str, CurrentOutlook]:
    """Return the forecast of each current reading, held against the limit that the terms give, by meter."""
    if current is None:
        return {}
    contract = license.contract_on(license.today)
    views = [_under_terms(view, contract, terms) for view in current.readings]
    return {
        view.meter.key: CurrentOutlook(view, forecast_reading(view, current.outlooks.get(view.meter.key), now))
        for view in views
    }


def _under_terms(view: ReadingView, contract: Contract, terms: Mapping[str, Decimal]) -> ReadingView:
    """Return a reading with the limit that it would have under other terms."""
    meter, reading = view.meter, view.reading
    if terms.keys().isdisjoint(meter.limit_terms):
        return view
    return replace(view, reading=reading._replace(limit=limit_under(meter, contract, reading.limit, terms)))
