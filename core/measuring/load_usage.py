"""The usage that meters see, for any number of licenses and event types in a fixed number of statements."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

import orjson
import sqlalchemy as sa
from allowance import AdmittedCell, EntityCell, Grant, Usage
from allowance.exact import exact
from allowance.series import Series
from sqlmodel import Session, col

from core.admission.window_usage import load_admitted
from core.licenses.tables import Grant as GrantRow
from core.measuring.checkpoints import DAYS, LEVEL, RENEWED, TOTAL, UsageCheckpoint, load_checkpoints
from core.measuring.credit_slices import (
    DividedDays,
    SliceKey,
    Slices,
    divide_days,
    find_spending_days,
    split_series,
)
from core.measuring.rollup_rows import read_levels, read_sums
from core.measuring.usage_range import EventGroup, LoadingPlan, UsageRange, group_events, plan_loading
from core.plugins.registry import Registry
from core.right_of_way import give_way
from core.usage.tables import Entity

_DAY: Final = timedelta(days=1)

_Key: TypeAlias = tuple[str, str, str]
"""Event type, entity, dimensions as canonical JSON."""
_Cell: TypeAlias = tuple[date, date, Decimal]
"""The first and the last day of an amount, and the amount."""


@dataclass(frozen=True, slots=True)
class LoadedUsage:
    """The usage of a license as its meters see it, and all its grants, including those of the future.

    `series` are those of whole days. `new_slices` are divisions of past days that are not stored yet.
    """

    usage: Usage
    grants: Sequence[Grant]
    plan: LoadingPlan
    series: Mapping[_Key, Series]
    new_slices: Mapping[SliceKey, Slices]

    def new_checkpoint(self) -> UsageCheckpoint | None:
        """Return a new checkpoint if there is none, or if it is at least RENEWED old; otherwise None."""
        plan = self.plan
        through = plan.single - _DAY
        if plan.checkpoint and through - plan.checkpoint.through < RENEWED:
            return None
        forms = {event: form for form in (TOTAL, DAYS, LEVEL) for event in plan.form.get(form, ())}
        series = []
        for key in sorted(self.series):
            of_key, form = self.series[key], forms.get(key[0])
            end = bisect_right(of_key.lasts, through)
            if not end or form is None:
                continue
            begin = end - 1 if form == LEVEL else 0
            days, amounts = of_key.firsts[begin:end], of_key.values[begin:end]
            if form == TOTAL:
                with exact():
                    days, amounts = days[:1], [sum(amounts, Decimal(0))]
            series.append((*key, [day.toordinal() for day in days], list(map(str, amounts))))
        return UsageCheckpoint(through, plan.form, series)


def load_usage(
    session: Session, ranges: Collection[UsageRange], registry: Registry, now: datetime
) -> dict[int, LoadedUsage]:
    """Load the usage of licenses as of now.

    Sums are loaded day by day from `since` on, and before that as totals of the billing period, unless a meter's `days`
    needs single days. Usage that a checkpoint holds is not read from the rollups.

    Returns:
        The usage by license id.
    """
    groups = group_events(registry)
    checkpoints = load_checkpoints(session, [each.license.id for each in ranges])
    plans = {each.license.id: plan_loading(each, groups, checkpoints.get(each.license.id)) for each in ranges}
    cells = _load_cells(session, groups, plans)
    grants = _load_grants(session, ranges)
    entities = load_entities(session, plans.keys())
    since = min((each.since for each in ranges), default=now.date())
    admitted = load_admitted(session, [each.license for each in ranges], since, registry, now)
    series = {key: _extend(_checkpoint_series(plan), cells[key]) for key, plan in plans.items()}
    times = {each.license.id: each.at or now for each in ranges}
    divided = _divide_days(session, ranges, series, grants, registry, times)
    kinds = {event: group.kind for group in groups for event in group.events}
    return {
        key: _assemble(plan, series[key], divided[key], grants[key], admitted[key], entities[key], kinds, times[key])
        for key, plan in plans.items()
    }


def _load_cells(
    session: Session, groups: Sequence[EventGroup], plans: Mapping[int, LoadingPlan]
) -> Mapping[int, Mapping[_Key, list[_Cell]]]:
    """Read the rollups, and return their amounts by license and series, oldest first."""
    bounds = [row for plan in plans.values() for row in plan.bounds]
    cells: dict[int, dict[_Key, list[_Cell]]] = defaultdict(lambda: defaultdict(list))
    for rows in (read_sums(session, groups, bounds), read_levels(session, groups, bounds)):
        for license_id, event, entity, dimensions, day, amount in rows:
            give_way()
            if day is None:
                plan = plans[license_id]
                cell = plan.read_from[event], plan.single - _DAY, amount
            else:
                cell = day, day, amount
            cells[license_id][event, entity, dimensions].append(cell)
    for by_series in cells.values():
        for amounts in by_series.values():
            amounts.sort()
    return cells


def _load_grants(session: Session, ranges: Collection[UsageRange]) -> Mapping[int, Sequence[Grant]]:
    zones = {each.license.id: each.license.license.time_zone for each in ranges}
    grants: dict[int, list[Grant]] = defaultdict(list)
    row = GrantRow
    columns = (row.license_id, row.id, row.amount, row.granted_at, row.expires_at, row.voided_at, row.entity, row.meter)
    statement = sa.select(*map(col, columns)).where(col(row.license_id).in_(zones), ~col(row.voided_all))
    for license_id, key, amount, granted_at, expires_at, voided_at, entity, meter in session.execute(statement):
        # Voiding what is left of a grant makes it expire.
        ends_at = min((end for end in (expires_at, voided_at) if end), default=None)
        grants[license_id].append(Grant(key, amount, granted_at, ends_at, entity, zones[license_id], meter))
    return grants


def load_entities(session: Session, licenses: Collection[int]) -> Mapping[int, Sequence[EntityCell]]:
    """Load the entities that have a label of their own, or that are closed, by license."""
    row = Entity
    columns = (row.license_id, row.name, row.label, row.closed_from, row.into)
    is_marked = sa.or_(col(row.label).is_not(None), col(row.closed_from).is_not(None))
    statement = sa.select(*map(col, columns)).where(col(row.license_id).in_(licenses), is_marked)
    entities: dict[int, list[EntityCell]] = defaultdict(list)
    for license_id, name, label, closed_from, into in session.execute(statement):
        entities[license_id].append(EntityCell(name, label or name, closed_from, into))
    return entities


def _divide_days(
    session: Session,
    ranges: Collection[UsageRange],
    series: Mapping[int, Mapping[_Key, Series]],
    grants: Mapping[int, Sequence[Grant]],
    registry: Registry,
    times: Mapping[int, datetime],
) -> Mapping[int, DividedDays]:
    """Divide the days on which grants begin or end, by license."""
    spending = {name for name, event_type in registry.event_types.items() if event_type.spends}
    found = []
    for each in ranges:
        key, license = each.license.id, each.license
        spent = {name: one for name, one in series[key].items() if name[0] in spending} if key in grants else {}
        days = find_spending_days(key, grants.get(key, ()), spent, each.since, license.today, times[key])
        if days:
            found.append(days)
    divided = divide_days(session, found, spending)
    by_license: dict[int, DividedDays] = defaultdict(lambda: DividedDays({}, {}))
    for of_license in found:
        by_license[of_license.license_id] = DividedDays(
            {key: divided.slices[key] for key in of_license.totals},
            {key: divided.new[key] for key in of_license.totals if key in divided.new},
        )
    return by_license


def _assemble(
    plan: LoadingPlan,
    series: Mapping[_Key, Series],
    divided: DividedDays,
    grants: Sequence[Grant],
    admitted: Sequence[AdmittedCell],
    entities: Sequence[EntityCell],
    kinds: Mapping[str, str],
    now: datetime,
) -> LoadedUsage:
    """Return the usage made of a license's series, with days divided, its grants, its quotas and its entities."""
    slices: dict[_Key, dict[date, Slices]] = defaultdict(dict)
    for slice_key, parts in divided.slices.items():
        slices[slice_key.series][slice_key.day] = parts
    sums: dict[str, list[Series]] = defaultdict(list)
    levels: dict[str, list[Series]] = defaultdict(list)
    for key in sorted(series):
        give_way()
        of_key = split_series(series[key], slices[key]) if key in slices else series[key]
        (levels if kinds[key[0]] == LEVEL else sums)[key[0]].append(of_key)
    usage = Usage.of_series(
        now,
        plan.license.license.time_zone,
        sums=sums,
        levels=levels,
        grants=grants,
        admitted=admitted,
        loaded_from=plan.loaded_from,
        entities=entities,
    )
    return LoadedUsage(usage, grants, plan, series, divided.new)


def _checkpoint_series(plan: LoadingPlan) -> Mapping[_Key, Series]:
    if plan.checkpoint is None:
        return {}
    through, totals = plan.checkpoint.through, set(plan.form.get(TOTAL, ()))
    series: dict[_Key, Series] = {}
    for event, entity, dimensions, days, amounts in plan.checkpoint.series:
        firsts, values = list(map(date.fromordinal, days)), list(map(Decimal, amounts))
        lasts = [through] if event in totals else firsts.copy()
        series[event, entity, dimensions] = Series(entity, read_dimensions(dimensions), firsts, lasts, values)
    return series


def _extend(stored: Mapping[_Key, Series], cells: Mapping[_Key, Sequence[_Cell]]) -> Mapping[_Key, Series]:
    """Return the series of a checkpoint, each with the later amounts from the rollups behind its own."""
    series = dict(stored)
    for key, amounts in cells.items():
        firsts, lasts = [first for first, _, _ in amounts], [last for _, last, _ in amounts]
        values = [amount for _, _, amount in amounts]
        if before := stored.get(key):
            firsts, lasts, values = before.firsts + firsts, before.lasts + lasts, before.values + values
        series[key] = Series(key[1], read_dimensions(key[2]), firsts, lasts, values)
    return series


@lru_cache(maxsize=16_384)
def read_dimensions(dimensions: str) -> Mapping[str, str]:
    """Return the dimensions of a series, which are stored as canonical JSON."""
    return MappingProxyType(orjson.loads(dimensions) if dimensions else {})
