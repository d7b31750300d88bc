"""The division of days at the instants at which grants of credits begin or end.

Rollups know whole days. On a day on which a grant begins or ends, the usage before and after that instant is paid by
different grants, so such a day is read from the ledger in slices. The slices of past days are kept: they spare later
refreshes the ledger, and they stand when the ledger drops the events of the day. Usage that neither the ledger nor the
slices hold any more counts at the beginning of its day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from allowance import Grant
from allowance.exact import exact
from allowance.license import midnight
from allowance.series import Series
from sqlalchemy import BigInteger, Date, and_
from sqlmodel import Session, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.dialect import values_table
from core.measuring.rollup_rows import fetch_rows
from core.times import EPOCH, instant, microseconds
from core.usage.amount import NANOS, from_nanos
from core.usage.exact_sums import sums_of
from core.usage.tables import CreditSlice, LedgerEvent, UsageSeries, UsageSum

T = TypeVar("T")
SeriesKey: TypeAlias = tuple[str, str, str]
"""Event type, entity, dimensions as canonical JSON."""
Slices: TypeAlias = Mapping[datetime, Decimal]
"""The amounts of a series on a day by the instant from which they count; EPOCH for the beginning of the day."""

_SLICES: Final[dict[str, Any]] = {
    "license_id": BigInteger(), "on_day": Date(), "starts_at": BigInteger(), "ends_at": BigInteger(),
}  # fmt: skip
_END: Final = 2**62
_SERIES: Final = UsageSeries.__table__  # type: ignore[attr-defined]
_EVENT: Final = LedgerEvent.__table__  # type: ignore[attr-defined]
_STORED: Final = CreditSlice.__table__  # type: ignore[attr-defined]


class SliceKey(NamedTuple):
    """A day of a series of a license."""

    license_id: int
    series: SeriesKey
    day: date


@dataclass(frozen=True, slots=True)
class SpendingDays:
    """The days of a license to divide.

    Attributes:
        license_id: The license.
        cuts: The instants within a day at which grants begin or end, ascending, by day.
        totals: The amounts by series and day, from the rollups.
        since: The first day that is measured again. Stored slices of this day and later days are not used.
        today: The present day of the license. Its slices are not stored.
    """

    license_id: int
    cuts: Mapping[date, Sequence[datetime]]
    totals: Mapping[SliceKey, Decimal]
    since: date
    today: date


@dataclass(frozen=True, slots=True)
class DividedDays:
    """The slices of days, and of them those that are new and to be stored."""

    slices: Mapping[SliceKey, Slices]
    new: Mapping[SliceKey, Slices]


def find_spending_days(
    license_id: int,
    grants: Iterable[Grant],
    series: Mapping[SeriesKey, Series],
    since: date,
    today: date,
    now: datetime,
) -> SpendingDays | None:
    """Return the days to divide of the series of a license that spend credits, or None if there are none.

    Args:
        license_id: The license.
        grants: Its grants of credits.
        series: Its series that spend credits.
        since: The first day that is measured again.
        today: The present day of the license.
        now: The time of the measurement; grants begin and end later without effect on what was spent up to then.
    """
    cuts: dict[date, set[datetime]] = defaultdict(set)
    for grant in grants if series else ():
        zone = ZoneInfo(grant.time_zone)
        for at in (grant.granted_at, grant.expires_at):
            if at is not None and at <= now:
                day = at.astimezone(zone).date()
                if at > midnight(day, grant.time_zone):
                    cuts[day].add(at)
    totals = {
        SliceKey(license_id, key, day): one.values[index]
        for key, one in series.items()
        for day in cuts
        for index in [one.index_at(day, None)]
        if index is not None and index < len(one.firsts) and one.firsts[index] == one.lasts[index] == day
    }
    if not totals:
        return None
    return SpendingDays(license_id, {day: sorted(cuts[day]) for day in cuts}, totals, since, today)


def divide_days(session: Session, licenses: Collection[SpendingDays], events: Collection[str]) -> DividedDays:
    """Divide the days of licenses, in one statement for stored slices and one for the ledger at most.

    Args:
        session: The session of a transaction that reads.
        licenses: The days to divide, by license.
        events: The event types that spend credits.
    """
    if not licenses:
        return DividedDays({}, {})
    stored = _read_stored(session, licenses)
    standing = {key: stored[key] for each in licenses for key in each.totals if _stands(each, key, stored.get(key))}
    read = _read_ledger(session, [each for each in licenses if each.totals.keys() - standing.keys()], events)
    slices: dict[SliceKey, Slices] = {}
    new: dict[SliceKey, Slices] = {}
    for each in licenses:
        for key, total in each.totals.items():
            if key in standing:
                slices[key] = standing[key]
                continue
            found = {**dict.fromkeys([EPOCH, *each.cuts[key.day]], Decimal(0)), **read.get(key, {})}
            if _sum(found) == total:
                if key.day < each.today:
                    new[key] = found
            elif key in stored:
                found = dict(stored[key])
            with exact():
                found[EPOCH] = found.get(EPOCH, Decimal(0)) + total - _sum(found)
            slices[key] = found
    return DividedDays(slices, new)


def store_slices(session: Session, new: Mapping[SliceKey, Slices]) -> None:
    """Replace the stored slices of days by new ones."""
    if not new:
        return
    licenses = {key.license_id for key in new}
    numbers = {
        (license_id, event, entity, dimensions): series_id
        for series_id, license_id, event, entity, dimensions in session.execute(
            sa.select(
                _SERIES.c.id, _SERIES.c.license_id, _SERIES.c.event, _SERIES.c.entity, _SERIES.c.dimensions
            ).where(_SERIES.c.license_id.in_(licenses), _SERIES.c.event.in_({key.series[0] for key in new}))
        )
    }
    days = sorted({(key.license_id, numbers[key.license_id, *key.series], key.day) for key in new})
    session.execute(
        sa.delete(_STORED).where(
            _STORED.c.license_id == sa.bindparam("of_license"),
            _STORED.c.series_id == sa.bindparam("of_series"),
            _STORED.c.day == sa.bindparam("of_day"),
        ),
        [{"of_license": license_id, "of_series": series_id, "of_day": day} for license_id, series_id, day in days],
    )
    rows = []
    for key, slices in new.items():
        for starts_at, amount in slices.items():
            with exact():
                whole, nanos = divmod(int(amount * NANOS), NANOS)
            row = {"license_id": key.license_id, "day": key.day, "series_id": numbers[key.license_id, *key.series]}
            rows.append({**row, "starts_at": starts_at, "whole": whole, "nanos": nanos})
    session.execute(sa.insert(_STORED), rows)


def correct_slice(session: Session, event: LedgerEvent, change: int) -> None:
    """Add a change to the stored slice of an event's time, if slices hold all that was counted before the change.

    So the slices of a day of which the ledger has dropped events stay right.

    Args:
        session: A writing session, in which the rollup has the change already.
        event: The event of the correction.
        change: The change, in billionths.
    """
    slices = session.exec(_of_day(CreditSlice, event)).all()
    counted = sum(_billionths(row) for row in session.exec(_of_day(UsageSum, event)))
    if not slices or sum(map(_billionths, slices)) != counted - change:
        return
    stored = max((row for row in slices if row.starts_at <= event.time), key=lambda row: row.starts_at)
    stored.whole, stored.nanos = divmod(_billionths(stored) + change, NANOS)
    session.add(stored)
    session.flush()


def _of_day(table: type[T], event: LedgerEvent) -> SelectOfScalar[T]:
    """Select the rows of the day and the series of an event."""
    rows: Any = table
    of_day = (rows.license_id == event.license_id, rows.series_id == event.series_id, rows.day == event.day)
    return select(table).where(*of_day)


def _billionths(row: CreditSlice | UsageSum) -> int:
    return row.whole * NANOS + row.nanos


def split_series(series: Series, slices: Mapping[date, Slices]) -> Series:
    """Return a series with the amounts of days replaced by those of their slices."""
    firsts: list[date] = []
    values: list[Decimal] = []
    lasts: list[date] = []
    starts: dict[int, datetime] = {}
    for first, last, value in zip(series.firsts, series.lasts, series.values, strict=True):
        parts = slices.get(first) if first == last else None
        for starts_at, amount in sorted(parts.items()) if parts else ((EPOCH, value),):
            if starts_at != EPOCH:
                starts[len(firsts)] = starts_at
            firsts.append(first)
            lasts.append(last)
            values.append(amount)
    return Series(series.entity, series.dimensions, firsts, lasts, values, starts)


def _stands(days: SpendingDays, key: SliceKey, stored: Slices | None) -> bool:
    """Return whether stored slices are still those of the day: made for the same cuts, and with nothing new since."""
    return (
        stored is not None
        and key.day < days.since
        and stored.keys() == {EPOCH, *days.cuts[key.day]}
        and _sum(stored) == days.totals[key]
    )


def _sum(slices: Slices) -> Decimal:
    with exact():
        return sum(slices.values(), Decimal(0))


def _read_stored(session: Session, licenses: Collection[SpendingDays]) -> Mapping[SliceKey, Slices]:
    statement = (
        sa.select(
            *(_STORED.c.license_id, _SERIES.c.event, _SERIES.c.entity, _SERIES.c.dimensions),
            *(_STORED.c.day, _STORED.c.starts_at, _STORED.c.whole, _STORED.c.nanos),
        )
        .join(_SERIES, _SERIES.c.id == _STORED.c.series_id)
        .where(_STORED.c.license_id.in_([each.license_id for each in licenses]))
    )
    stored: dict[SliceKey, dict[datetime, Decimal]] = defaultdict(dict)
    for license_id, event, entity, dimensions, day, starts_at, whole, nanos in session.execute(statement):
        stored[SliceKey(license_id, (event, entity, dimensions), day)][starts_at] = from_nanos(whole, nanos)
    return stored


def _read_ledger(
    session: Session, licenses: Collection[SpendingDays], events: Collection[str]
) -> Mapping[SliceKey, Slices]:
    rows = [
        (each.license_id, day.isoformat(), begin, end)
        for each in licenses
        for day in sorted({key.day for key in each.totals})
        for begin, end in pairwise([0, *map(microseconds, each.cuts[day]), _END])
    ]
    if not rows:
        return {}
    wanted = values_table(session, _SLICES, rows, "slices")
    joined = wanted.join(
        _SERIES, and_(_SERIES.c.license_id == wanted.c.license_id, _SERIES.c.event.in_(sorted(events)))
    ).join(
        _EVENT,
        and_(
            _EVENT.c.license_id == wanted.c.license_id,
            _EVENT.c.series_id == _SERIES.c.id,
            _EVENT.c.day == wanted.c.on_day,
            sa.cast(_EVENT.c.time, BigInteger) >= wanted.c.starts_at,
            sa.cast(_EVENT.c.time, BigInteger) < wanted.c.ends_at,
            _EVENT.c.spends,
            _EVENT.c.cancelled_by.is_(None),
        ),
    )
    keys = [
        *(wanted.c.license_id, _SERIES.c.event, _SERIES.c.entity, _SERIES.c.dimensions),
        *(wanted.c.on_day, wanted.c.starts_at),
    ]
    slices: dict[SliceKey, dict[datetime, Decimal]] = defaultdict(dict)
    for row in fetch_rows(session, sa.select(*keys, *sums_of(_EVENT.c)).select_from(joined).group_by(*keys)):
        license_id, event, entity, dimensions, day, starts_at, high, low, nanos = row
        key = SliceKey(license_id, (event, entity, dimensions), date.fromisoformat(day))
        slices[key][instant(starts_at)] = from_nanos(high * NANOS + low, nanos)
    return slices
