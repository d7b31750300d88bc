"""The usage that meters see, for any number of licenses and event types in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from allowance import Grant, LevelCell, Meter, SumCell, Usage
from sqlalchemy import BigInteger, Date, String, and_, column, func, values
from sqlalchemy.sql.selectable import CTE
from sqlmodel import Session, col, select

from core.licenses.load import LoadedLicense
from core.licenses.tables import Grant as GrantRow
from core.usage.amount import NANOS, join
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_EVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A license to load usage of, to be measured on every day from `since` to its today."""

    license: LoadedLicense
    since: date


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Which days of an event type are needed of a license; of a level, the newest before `first` as well."""

    license_id: int
    event: str
    first: date
    last: date


def load_usage(
    session: Session, wanted: Collection[Wanted], meters: Iterable[Meter], now: datetime
) -> dict[int, Usage]:
    """The usage of each license by its id, as of now.

    Sums are loaded as one total of the billing period where that is all that is asked, and day by day where
    a meter's `days` or an earlier `since` needs single days.
    """
    meters = list(meters)
    days = _days_needed(meters)
    kinds = {event.name: event.kind for meter in meters for event in meter.events()}
    totals: list[_Bounds] = []
    daily: list[_Bounds] = []
    levels: list[_Bounds] = []
    for one in wanted:
        period = one.license.contract_on(one.since).period
        for event, kind in kinds.items():
            lookback = days[event]
            first = _EVER if lookback is None else one.since - timedelta(days=lookback)
            if kind == "level":
                levels.append(_Bounds(one.license.id, event, first, one.license.today))
            elif lookback == 0 and one.since == one.license.today:
                totals.append(_Bounds(one.license.id, event, period.first, one.license.today))
            else:
                daily.append(_Bounds(one.license.id, event, min(first, period.first), one.license.today))
    sum_cells: dict[int, list[SumCell]] = defaultdict(list)
    level_cells: dict[int, list[LevelCell]] = defaultdict(list)
    for license_id, sum_cell in [*_sums(session, totals, by_day=False), *_sums(session, daily, by_day=True)]:
        sum_cells[license_id].append(sum_cell)
    for license_id, level_cell in _levels(session, levels):
        level_cells[license_id].append(level_cell)
    grants = _grants(session, wanted)
    return {
        one.license.id: Usage(
            now,
            one.license.license.time_zone,
            sums=sum_cells[one.license.id],
            levels=level_cells[one.license.id],
            grants=grants[one.license.id],
        )
        for one in wanted
    }


def _days_needed(meters: Iterable[Meter]) -> dict[str, int | None]:
    """The most days that any meter needs of an event type; None for all."""
    needed: dict[str, int | None] = {}
    for meter in meters:
        for event in meter.events():
            known = needed.get(event.name, 0)
            needed[event.name] = None if known is None or meter.days is None else max(known, meter.days)
    return needed


def _sums(session: Session, bounds: list[_Bounds], *, by_day: bool) -> Iterable[tuple[int, SumCell]]:
    if not bounds:
        return
    within = _as_table(bounds)
    series, total = UsageSeries, UsageSum
    # Summed in two halves, since the sum of 64-bit numbers may need more than 64 bits.
    halves = (func.sum(col(total.whole) / NANOS), func.sum(col(total.whole) % NANOS), func.sum(total.nanos))
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
    within = _as_table(bounds)
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
            Grant(row.id, row.amount, row.granted_at, row.expires_at, row.entity, zones[row.license_id])
        )
    return grants


def _as_table(bounds: list[_Bounds]) -> CTE:
    return (
        values(
            column("license_id", BigInteger),
            column("event", String),
            column("first", Date),
            column("last", Date),
            name="bounds",
        )
        .data([(one.license_id, one.event, one.first, one.last) for one in bounds])
        .cte("within")
    )


def _read(dimensions: str) -> Mapping[str, str]:
    read: dict[str, str] = orjson.loads(dimensions) if dimensions else {}
    return read
