"""The loading of what reports need, in a fixed number of statements for any number of licenses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlmodel import Session

from core.admission.window_usage import load_admitted
from core.consumption.history import TimeRange, read_rows
from core.consumption.points import Point, PointDelta, expand, point_of
from core.licenses.load import LoadedLicense
from core.plugins.registry import Registry
from core.report.contract_report import ContractReport, contract_report

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
    """Return the reports on the contracts of licenses by license id, in two statements.

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
    history = _load_history(session, asked)
    licenses = [each.license for each in asked]
    admitted = load_admitted(session, licenses, min(each.first for each in asked), registry, now)
    meters = tuple(registry.meters.values())
    return {
        each.license.id: contract_report(
            each.license,
            meters,
            history[each.license.id],
            admitted[each.license.id],
            each.first,
            each.last,
            headroom,
            terms,
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
    points: defaultdict[int, defaultdict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    before: dict[tuple[int, str], PointDelta] = {}
    for license_id, at, entries in read_rows(session, ranges):
        for meter, entry in entries.items():
            if whole := expand(entry, before.get((license_id, meter))):
                before[license_id, meter] = whole
                points[license_id][meter].append(point_of(at, whole))
    return points
