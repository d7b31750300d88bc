"""The usage that meters see, for any number of licenses and event types in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson
import sqlalchemy as sa
from allowance import Grant, Usage
from allowance.exact import exact
from allowance.usage import Series
from sqlalchemy import BigInteger, Boolean, Date, String, and_, func
from sqlmodel import Session, col, select

from core.database.given import given
from core.licenses.load import LoadedLicense
from core.licenses.tables import Grant as GrantRow
from core.plugins.host import Registry
from core.usage.amount import NANOS, join
from core.usage.settled import RENEWED, Settled, load_settled
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_EVER: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)
_DAYS: Final = "days"
_LEVEL: Final = "level"
_SUM_BOUNDS: Final[dict[str, Any]] = {
    "license_id": BigInteger(), "event": String(), "first": Date(), "single": Date(), "last": Date(),
}  # fmt: skip
_LEVEL_BOUNDS: Final[dict[str, Any]] = {
    "license_id": BigInteger(), "event": String(), "first": Date(), "known": Boolean(), "last": Date(),
}  # fmt: skip

_Cell: TypeAlias = tuple[date, date, Decimal]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A license to load usage of, to be measured on every day from `since` to its today."""

    license: LoadedLicense
    since: date


def load_usage(
    session: Session, wanted: Collection[Wanted], registry: Registry, now: datetime
) -> dict[int, "LoadedUsage"]:
    """The usage of each license by its id, as of now.

    Sums are loaded day by day from `since` on, and before it as totals of the billing period, unless a meter's
    `days` needs single days. What is settled is not read from the rollups again.
    """
    settled = load_settled(session, [one.license.id for one in wanted])
    plans = {one.license.id: _Plan(one, registry, settled.get(one.license.id)) for one in wanted}
    for license_id, event, entity, dimensions, on, high, low, nanos in _sums(session, plans.values()):
        plans[license_id].add(event, entity, dimensions, on, join(high * NANOS + low, nanos))
    for license_id, event, entity, dimensions, on, whole, nanos in _levels(session, plans.values()):
        plans[license_id].add(event, entity, dimensions, on, join(whole, nanos))
    grants = _grants(session, wanted)
    return {license_id: LoadedUsage(plan, grants[license_id], now) for license_id, plan in plans.items()}


class LoadedUsage:
    """The usage of a license, and all its grants, also those of later."""

    def __init__(self, plan: "_Plan", grants: Sequence[Grant], now: datetime) -> None:
        self._plan = plan
        self.grants = grants
        series: dict[str, dict[str, list[Series]]] = {"level": defaultdict(list), "counter": defaultdict(list)}
        for (event, entity, dimensions), cells in sorted(plan.cells.items()):
            if len(cells) > 1:
                cells.sort()
            of_event = series[plan.registry.event_types[event].kind][event]
            of_event.append(Series(entity, _read(dimensions), *map(list, zip(*cells, strict=True))))
        self.usage = Usage.of_series(
            now,
            plan.license.license.time_zone,
            sums=series["counter"],
            levels=series["level"],
            grants=grants,
            loaded_from=plan.loaded_from,
        )

    def to_settle(self) -> Settled | None:
        """What is to be settled, where there is so much new that this is worth while."""
        plan = self._plan
        through = plan.since - _DAY
        if plan.single != plan.since or (plan.settled and through - plan.settled.through < RENEWED):
            return None
        series = []
        for (event, entity, dimensions), cells in plan.cells.items():
            held = plan.held.get(event)
            before = [cell for cell in cells if cell[1] <= through] if held else []
            if not before:
                continue
            if held == _LEVEL:
                before = before[-1:]
            elif held != _DAYS:
                with exact():
                    before = [(before[0][0], through, sum((amount for _, _, amount in before), Decimal(0)))]
            series.append((event, entity, dimensions, [(first, last, str(amount)) for first, last, amount in before]))
        return Settled(through, plan.held, series)


class _Plan:
    """What of a license's usage is to be read from the rollups, and all cells that were found."""

    def __init__(self, wanted: Wanted, registry: Registry, settled: Settled | None) -> None:
        self.license, self.since, self.registry = wanted.license, wanted.since, registry
        counted_from, *later = self.license.period_firsts(self.since)
        # No total may lie across the beginning of a period that is measured.
        self.single = min(self.since, *later) if later else self.since
        self.held = {
            name: _LEVEL if event.kind == "level" else counted_from.isoformat() if days == 0 else _DAYS
            for name, event in registry.event_types.items()
            if (days := registry.days[name]) == 0 or (days is None and event.kind == "counter")
        }
        stands = settled is not None and settled.through < self.single and settled.held == self.held
        self.settled = settled if stands else None
        self.cells: dict[tuple[str, str, str], list[_Cell]] = defaultdict(list)
        self.loaded_from: dict[str, date] = {}
        self.begins: dict[str, date] = {}
        self.sums: list[Sequence[Any]] = []
        self.levels: list[Sequence[Any]] = []
        for name, event in registry.event_types.items():
            days = registry.days[name]
            first = _EVER if days is None else self.since - timedelta(days=days)
            if event.kind == "counter":
                first = min(first, counted_from)
            self.loaded_from[name] = first
            known = self.settled is not None and name in self.held
            begin = self.settled.through + _DAY if self.settled and known else first
            self.begins[name] = begin
            if event.kind == "level":
                self.levels.append((self.license.id, name, begin, known, self.license.today))
            else:
                single = self.single if days == 0 else begin
                self.sums.append((self.license.id, name, begin, single, self.license.today))
        if self.settled:
            for event_name, entity, dimensions, cells in self.settled.series:
                for from_, to, amount in cells:
                    cell = date.fromisoformat(from_), date.fromisoformat(to), Decimal(amount)
                    self.cells[event_name, entity, dimensions].append(cell)

    def add(self, event: str, entity: str, dimensions: str, on: str | None, amount: Decimal) -> None:
        """Add what was counted on a day, or before all single days; or the value of a level."""
        first = last = date.fromisoformat(on) if on else self.begins[event]
        if on is None:
            last = self.single - _DAY
        self.cells[event, entity, dimensions].append((first, last, amount))


def _sums(session: Session, plans: Collection[_Plan]) -> list[Any]:
    """License, event, entity, dimensions, the day (null: those before), and the sum in two halves and billionths."""
    within = given(session, _SUM_BOUNDS, [bounds for plan in plans for bounds in plan.sums])
    series, total = UsageSeries, UsageSum
    day = sa.case((col(total.day) >= within.c.single, col(total.day)), else_=None)
    keys: list[Any] = [col(series.license_id), col(series.event), col(series.entity), col(series.dimensions), day]
    # Summed in two halves, since the sum of 64-bit numbers may need more than 64 bits.
    halves = (func.sum(col(total.whole) // NANOS), func.sum(col(total.whole) % NANOS), func.sum(total.nanos))
    statement = (
        sa.select(*keys, *halves)
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
        .group_by(*keys)
    )
    return _read_rows(session, statement)


def _levels(session: Session, plans: Collection[_Plan]) -> list[Any]:
    """License, event, entity, dimensions, day, and the value in whole and billionths."""
    within = given(session, _LEVEL_BOUNDS, [bounds for plan in plans for bounds in plan.levels])
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
    first = sa.case((within.c.known, within.c.first), else_=func.coalesce(newest_before, within.c.first))
    keys: list[Any] = [col(series.license_id), col(series.event), col(series.entity), col(series.dimensions)]
    statement = (
        sa.select(*keys, col(level.day), col(level.whole), col(level.nanos))
        .select_from(within)
        .join(series, and_(col(series.license_id) == within.c.license_id, col(series.event) == within.c.event))
        .join(
            level,
            and_(
                col(level.license_id) == col(series.license_id),
                col(level.series_id) == col(series.id),
                col(level.day) >= first,
                col(level.day) <= within.c.last,
            ),
        )
    )
    return _read_rows(session, statement)


def _read_rows(session: Session, statement: sa.Select[Any]) -> list[Any]:
    """The rows as JSON in one text, which costs a fraction of what rows do."""
    columns = statement.subquery().c
    if session.get_bind().dialect.name == "postgresql":
        found = func.json_agg(func.json_build_array(*columns))
    else:
        found = func.json_group_array(func.json_array(*columns))
    text = session.execute(sa.select(sa.cast(found, sa.Text))).scalar_one()
    rows: list[Any] = orjson.loads(text) if text else []
    return rows


def _grants(session: Session, wanted: Collection[Wanted]) -> dict[int, list[Grant]]:
    zones = {one.license.id: one.license.license.time_zone for one in wanted}
    grants: dict[int, list[Grant]] = defaultdict(list)
    for row in session.exec(select(GrantRow).where(col(GrantRow.license_id).in_(zones))):
        grants[row.license_id].append(
            Grant(row.id, row.amount, row.granted_at, row.expires_at, row.entity, zones[row.license_id], row.meter)
        )
    return grants


@lru_cache(maxsize=16_384)
def _read(dimensions: str) -> Mapping[str, str]:
    return MappingProxyType(orjson.loads(dimensions) if dimensions else {})
