"""The usage that meters see, for any number of licenses and event types in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa
from allowance import Grant, LevelCell, SumCell, Usage
from sqlalchemy import BigInteger, Date, String, and_, func
from sqlmodel import Session, col, select

from core.database.given import given
from core.licenses.load import LoadedLicense
from core.licenses.tables import Grant as GrantRow
from core.plugins.host import Registry
from core.usage.amount import NANOS, join
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_EVER: Final = date(1970, 1, 1)
_BOUNDS: Final[dict[str, Any]] = {"license_id": BigInteger(), "event": String(), "first": Date(), "last": Date()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A license to load usage of, to be measured on every day from `since` to its today."""

    license: LoadedLicense
    since: date


@dataclass(frozen=True, slots=True)
class LoadedUsage:
    """The usage of a license, and all its grants, also those of later."""

    usage: Usage
    grants: Sequence[Grant]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Which days of an event type are needed of a license; of a level, the newest before `first` as well."""

    license_id: int
    event: str
    first: date
    last: date


def load_usage(
    session: Session, wanted: Collection[Wanted], registry: Registry, now: datetime
) -> dict[int, LoadedUsage]:
    """The usage of each license by its id, as of now.

    Sums are loaded as one total of the billing period where that is all that is asked, and day by day where
    a meter's `days` or an earlier `since` needs single days.
    """
    totals: list[_Bounds] = []
    daily: list[_Bounds] = []
    levels: list[_Bounds] = []
    loaded_from: dict[int, dict[str, date]] = {}
    for one in wanted:
        license, today = one.license, one.license.today
        counted_from = license.counted_from(one.since)
        loaded_from[license.id] = {}
        for event in registry.event_types.values():
            days = registry.days[event.name]
            first = _EVER if days is None else one.since - timedelta(days=days)
            if event.kind == "counter":
                first = min(first, counted_from)
            bounds = _Bounds(license.id, event.name, first, today)
            by_day = days != 0 or one.since < today
            (levels if event.kind == "level" else daily if by_day else totals).append(bounds)
            loaded_from[license.id][event.name] = first
    sum_cells: dict[int, list[SumCell]] = defaultdict(list)
    level_cells: dict[int, list[LevelCell]] = defaultdict(list)
    for license_id, sum_cell in [*_sums(session, totals, by_day=False), *_sums(session, daily, by_day=True)]:
        sum_cells[license_id].append(sum_cell)
    for license_id, level_cell in _levels(session, levels):
        level_cells[license_id].append(level_cell)
    grants = _grants(session, wanted)
    return {
        one.license.id: LoadedUsage(
            Usage(
                now,
                one.license.license.time_zone,
                sums=sum_cells[one.license.id],
                levels=level_cells[one.license.id],
                grants=grants[one.license.id],
                loaded_from=loaded_from[one.license.id],
            ),
            grants[one.license.id],
        )
        for one in wanted
    }


def _sums(session: Session, bounds: list[_Bounds], *, by_day: bool) -> Iterable[tuple[int, SumCell]]:
    if not bounds:
        return
    within = given(session, _BOUNDS, [(one.license_id, one.event, one.first, one.last) for one in bounds])
    series, total = UsageSeries, UsageSum
    # Summed in two halves, since the sum of 64-bit numbers may need more than 64 bits.
    halves = (func.sum(col(total.whole) // NANOS), func.sum(col(total.whole) % NANOS), func.sum(total.nanos))
    first, last = (col(total.day), col(total.day)) if by_day else (func.min(within.c.first), func.min(within.c.last))
    keys: list[Any] = [col(series.license_id), col(series.event), col(series.entity), col(series.dimensions)]
    statement = (
        sa.select(*keys, first, last, *halves)
        .select_from(within)
        .join(series, and_(col(series.license_id) == within.c.license_id, col(series.event) == within.c.event))
        .join(
            total,
            and_(
                col(total.license_id) == col(series.license_id),
                col(total.series_id) == col(series.id),
                col(total.day).between(within.c.first, within.c.last),
            ),
        )
        .group_by(*keys, *([col(total.day)] if by_day else []))
    )
    for license_id, event, entity, dimensions, start, end, high, low, nanos in session.execute(statement):
        amount = join(int(high) * NANOS + int(low), int(nanos))
        yield license_id, SumCell(event, start, end, amount, entity, _read(dimensions))


def _levels(session: Session, bounds: list[_Bounds]) -> Iterable[tuple[int, LevelCell]]:
    if not bounds:
        return
    within = given(session, _BOUNDS, [(one.license_id, one.event, one.first, one.last) for one in bounds])
    series, level = UsageSeries, UsageLevel
    earlier = UsageLevel.__table__.alias("earlier")  # type: ignore[attr-defined]
    newest_before = (
        select(func.max(earlier.c.day))
        .where(
            earlier.c.license_id == col(series.license_id),
            earlier.c.series_id == col(series.id),
            earlier.c.day <= within.c.first,
        )
        .correlate(series.__table__, within)  # type: ignore[attr-defined]
        .scalar_subquery()
    )
    statement = (
        sa.select(
            col(series.license_id),
            col(series.event),
            col(series.entity),
            col(series.dimensions),
            col(level.day),
            col(level.whole),
            col(level.nanos),
        )
        .select_from(within)
        .join(series, and_(col(series.license_id) == within.c.license_id, col(series.event) == within.c.event))
        .join(
            level,
            and_(
                col(level.license_id) == col(series.license_id),
                col(level.series_id) == col(series.id),
                col(level.day) >= func.coalesce(newest_before, within.c.first),
                col(level.day) <= within.c.last,
            ),
        )
    )
    for license_id, event, entity, dimensions, day, whole, nanos in session.execute(statement):
        yield license_id, LevelCell(event, day, join(whole, nanos), entity, _read(dimensions))


def _grants(session: Session, wanted: Collection[Wanted]) -> dict[int, list[Grant]]:
    zones = {one.license.id: one.license.license.time_zone for one in wanted}
    grants: dict[int, list[Grant]] = defaultdict(list)
    for row in session.exec(select(GrantRow).where(col(GrantRow.license_id).in_(zones))):
        grants[row.license_id].append(
            Grant(row.id, row.amount, row.granted_at, row.expires_at, row.entity, zones[row.license_id], row.meter)
        )
    return grants


def _read(dimensions: str) -> Mapping[str, str]:
    read: dict[str, str] = orjson.loads(dimensions) if dimensions else {}
    return read
