"""The usage that meters see, for any number of licenses and event types in a fixed number of statements."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson
import sqlalchemy as sa
from allowance import AdmittedCell, Grant, Usage
from allowance.exact import exact
from allowance.series import Series
from sqlalchemy import BigInteger, Boolean, Date, Integer, String, and_, func
from sqlalchemy.sql.selectable import CTE
from sqlmodel import Session, col

from core.admission.window_usage import load_admitted
from core.database.dialect import values_table
from core.licenses.load import LoadedLicense
from core.licenses.tables import Grant as GrantRow
from core.measuring.checkpoints import DAYS, LEVEL, RENEWED, TOTAL, UsageCheckpoint, load_checkpoints
from core.plugins.registry import Registry
from core.usage.amount import NANOS, from_nanos
from core.usage.tables import UsageLevel, UsageSeries, UsageSum

_EVER: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)
_BOUNDS: Final[dict[str, Any]] = {
    "license_id": BigInteger(), "part": Integer(),
    "first": Date(), "single": Date(), "last": Date(), "known": Boolean(),
}  # fmt: skip
_EVENTS: Final[dict[str, Any]] = {"event": String(), "part": Integer()}

_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_KEYS: Final[list[Any]] = [_SERIES.c.license_id, _SERIES.c.event, _SERIES.c.entity, _SERIES.c.dimensions]

_Key: TypeAlias = tuple[str, str, str]
"""Event type, entity, dimensions as canonical JSON."""


@dataclass(frozen=True, slots=True)
class UsageRange:
    """A license to load usage of, to be measured on every day from `since` to its today."""

    license: LoadedLicense
    since: date


def load_usage(
    session: Session, wanted: Collection[UsageRange], registry: Registry, now: datetime
) -> dict[int, "LoadedUsage"]:
    """The usage of each license by its id, as of now.

    Sums are loaded day by day from `since` on, and before it as totals of the billing period, unless a meter's
    `days` needs single days. What is settled is not read from the rollups again.
    """
    parts = _parts(registry)
    settled = load_checkpoints(session, [one.license.id for one in wanted])
    found = {one.license.id: LoadedUsage(one, parts, settled.get(one.license.id)) for one in wanted}
    for license_id, event, entity, dimensions, on, high, low, nanos in _sums(session, parts, found.values()):
        found[license_id].add(event, entity, dimensions, on, from_nanos(high * NANOS + low, nanos))
    for license_id, event, entity, dimensions, on, whole, nanos in _levels(session, parts, found.values()):
        found[license_id].add(event, entity, dimensions, on, from_nanos(whole, nanos))
    for license_id, grants in _grants(session, wanted).items():
        found[license_id].grants = grants
    since = min((one.since for one in wanted), default=now.date())
    admitted = load_admitted(session, [one.license for one in wanted], since, registry, now)
    for license_id, one in found.items():
        one.admitted = admitted[license_id]
        one.make(now)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """Event types of one kind of which the same days are needed."""

    kind: str
    days: int | None
    events: Sequence[str]

    @property
    def held(self) -> str | None:
        """What is settled of them: totals, single days, the newest level; None where nothing is."""
        if self.kind == LEVEL:
            return LEVEL if self.days == 0 else None
        return {0: TOTAL, None: DAYS}.get(self.days)


def _parts(registry: Registry) -> list[_Part]:
    parts: dict[tuple[str, int | None], list[str]] = defaultdict(list)
    for event in registry.event_types.values():
        parts[event.kind, registry.days[event.name]].append(event.name)
    return [_Part(kind, days, sorted(events)) for (kind, days), events in parts.items()]


class LoadedUsage:
    """The usage of a license, and all its grants, also those of later."""

    usage: Usage

    def __init__(self, wanted: UsageRange, parts: Sequence[_Part], settled: UsageCheckpoint | None) -> None:
        license, self._since = wanted.license, wanted.since
        counted_from, *later = license.period_firsts(self._since)
        # No total may lie across the beginning of a period that is measured.
        self._single = min(self._since, *later) if later else self._since
        self._held = {part.held: part.events for part in parts if part.held} | {"from": counted_from.isoformat()}
        stands = settled is not None and settled.through < self._single and settled.held == self._held
        self._settled = settled if stands else None
        self._license = license
        self._cells: dict[_Key, list[tuple[date, date, Decimal]]] = defaultdict(list)
        self._kinds = {event: part.kind for part in parts for event in part.events}
        self._loaded_from: dict[str, date] = {}
        self._begins: dict[str, date] = {}
        self.bounds: list[Sequence[Any]] = []
        self.grants: Sequence[Grant] = ()
        self.admitted: Sequence[AdmittedCell] = ()
        for number, part in enumerate(parts):
            first = _EVER if part.days is None else self._since - timedelta(days=part.days)
            if part.kind != LEVEL:
                first = min(first, counted_from)
            self._loaded_from |= dict.fromkeys(part.events, first)
            known = self._settled is not None and part.held is not None
            if self._settled and known:
                first = self._settled.through + _DAY
            self._begins |= dict.fromkeys(part.events, first)
            single = self._single if part.held == TOTAL else first
            self.bounds.append((license.id, number, first, single, license.today, known))

    def add(self, event: str, entity: str, dimensions: str, on: str | None, amount: Decimal) -> None:
        """Add what was counted on a day, or in total before all single days; or the value of a level."""
        if on is None:
            self._cells[event, entity, dimensions].append((self._begins[event], self._single - _DAY, amount))
        else:
            day = date.fromisoformat(on)
            self._cells[event, entity, dimensions].append((day, day, amount))

    def make(self, now: datetime) -> None:
        """Make the usage of all that was added and of what is settled."""
        found: dict[_Key, Series] = {}
        if self._settled:
            through = self._settled.through
            totals = set(self._held.get(TOTAL, ()))
            for event, entity, dimensions, days, amounts in self._settled.series:
                firsts, values = list(map(date.fromordinal, days)), list(map(Decimal, amounts))
                lasts = [through] if event in totals else firsts.copy()
                found[event, entity, dimensions] = Series(entity, _read(dimensions), firsts, lasts, values)
        for key, cells in self._cells.items():
            if len(cells) > 1:
                cells.sort()
            series = found.get(key)
            if series is None:
                series = found[key] = Series(key[1], _read(key[2]), [], [], [])
            for first, last, amount in cells:
                series.firsts.append(first)
                series.lasts.append(last)
                series.values.append(amount)
        sums: dict[str, list[Series]] = defaultdict(list)
        levels: dict[str, list[Series]] = defaultdict(list)
        for key in sorted(found):
            (levels if self._kinds[key[0]] == LEVEL else sums)[key[0]].append(found[key])
        self.usage = Usage.of_series(
            now,
            self._license.license.time_zone,
            sums=sums,
            levels=levels,
            grants=self.grants,
            admitted=self.admitted,
            loaded_from=self._loaded_from,
        )
        self._found = found

    def new_checkpoint(self) -> UsageCheckpoint | None:
        """What is to be settled: always where nothing stood, else where there is so much new that it is worth while."""
        through = self._single - _DAY
        if self._settled and through - self._settled.through < RENEWED:
            return None
        held = {event: what for what in (TOTAL, DAYS, LEVEL) for event in self._held.get(what, ())}
        kept = []
        for key in sorted(self._found):
            series, what = self._found[key], held.get(key[0])
            end = bisect_right(series.lasts, through)
            if not end or what is None:
                continue
            begin = end - 1 if what == LEVEL else 0
            days, amounts = series.firsts[begin:end], series.values[begin:end]
            if what == TOTAL:
                with exact():
                    days, amounts = days[:1], [sum(amounts, Decimal(0))]
            kept.append((*key, [day.toordinal() for day in days], list(map(str, amounts))))
        return UsageCheckpoint(through, self._held, kept)


def _sums(session: Session, parts: Sequence[_Part], usage: Collection[LoadedUsage]) -> list[Any]:
    """License, event, entity, dimensions, the day (null: those before), and the sum in two halves and billionths."""
    bounds, events = _given(session, parts, usage, lambda part: part.kind != LEVEL)
    joined, total = _join(session, UsageSum, bounds, events, bounds.c.first)
    keys = [*_KEYS, sa.case((total.day >= bounds.c.single, total.day), else_=None)]
    # Summed in two halves, since the sum of 64-bit numbers may need more than 64 bits.
    halves = (func.sum(total.whole // NANOS), func.sum(total.whole % NANOS), func.sum(total.nanos))
    return _read_rows(session, sa.select(*keys, *halves).select_from(joined).group_by(*keys))


def _levels(session: Session, parts: Sequence[_Part], usage: Collection[LoadedUsage]) -> list[Any]:
    """License, event, entity, dimensions, day, and the value in whole and billionths."""
    bounds, events = _given(session, parts, usage, lambda part: part.kind == LEVEL)
    earlier = UsageLevel.__table__.alias("earlier")  # type: ignore[attr-defined]
    newest_before = (
        sa.select(func.max(earlier.c.day))
        .where(
            earlier.c.license_id == _SERIES.c.license_id,
            earlier.c.series_id == _SERIES.c.id,
            earlier.c.day <= bounds.c.first,
        )
        .correlate(_SERIES, bounds)
        .scalar_subquery()
    )
    first = sa.case((bounds.c.known, bounds.c.first), else_=func.coalesce(newest_before, bounds.c.first))
    joined, level = _join(session, UsageLevel, bounds, events, first)
    return _read_rows(session, sa.select(*_KEYS, level.day, level.whole, level.nanos).select_from(joined))


def _given(
    session: Session, parts: Sequence[_Part], usage: Collection[LoadedUsage], chosen: Callable[[_Part], bool]
) -> tuple[CTE, CTE]:
    """The bounds of each license, and the event types that they are for."""
    numbers = {number for number, part in enumerate(parts) if chosen(part)}
    bounds = [row for one in usage for row in one.bounds if row[1] in numbers]
    events = [(event, number) for number in numbers for event in parts[number].events]
    return values_table(session, _BOUNDS, bounds, "bounds"), values_table(session, _EVENTS, events, "events")


def _join(
    session: Session, table: type[Any], bounds: CTE, events: CTE, first: sa.ColumnElement[Any]
) -> tuple[sa.FromClause, Any]:
    """The rows of a rollup from a first day on that are within the bounds of their license, and its columns."""
    series = bounds.join(_SERIES, _SERIES.c.license_id == bounds.c.license_id).join(
        events, and_(events.c.event == _SERIES.c.event, events.c.part == bounds.c.part)
    )
    rows = table.__table__
    within = and_(
        rows.c.license_id == _SERIES.c.license_id,
        rows.c.series_id == _SERIES.c.id,
        rows.c.day >= first,
        rows.c.day <= bounds.c.last,
    )
    if session.get_bind().dialect.name != "postgresql":
        return series.join(rows, within), rows.c
    # Fenced off, since the planner would look up a series first and compare the days of all its rows.
    found = sa.select(rows).where(within).correlate(_SERIES, bounds).offset(0).lateral()
    return series.join(found, sa.true()), found.c


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


def _grants(session: Session, wanted: Collection[UsageRange]) -> dict[int, list[Grant]]:
    zones = {one.license.id: one.license.license.time_zone for one in wanted}
    grants: dict[int, list[Grant]] = defaultdict(list)
    kept = GrantRow
    columns = (kept.license_id, kept.id, kept.amount, kept.granted_at, kept.expires_at, kept.entity, kept.meter)
    found = sa.select(*map(col, columns)).where(col(kept.license_id).in_(zones))
    for license_id, key, amount, granted_at, expires_at, entity, meter in session.execute(found):
        grant = Grant(key, amount, granted_at, expires_at, entity, zones[license_id], meter)
        grants[license_id].append(grant)
    return grants


@lru_cache(maxsize=16_384)
def _read(dimensions: str) -> Mapping[str, str]:
    return MappingProxyType(orjson.loads(dimensions) if dimensions else {})
