"""The correction of the days of stored usage after the time zone of a license changed.

The ledger knows the instant of each event, so the days of events that it holds follow the new time zone, and their
amounts move between the days of the rollups. Usage that the ledger has dropped keeps its day. Nothing that was counted
goes: an amount that leaves one day enters another.

Ingestion may still write events by the old time zone for a moment after the change, so the correction is repeated. It
costs one statement if all days are right.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy import BigInteger, Date
from sqlmodel import Session, col

from core.database.dialect import insert_into, is_postgresql, parts, values_table
from core.licenses.tables import License
from core.times import EPOCH
from core.usage.amount import NANOS
from core.usage.days import day_spans, local_day
from core.usage.exact_sums import sums_of
from core.usage.last_events import forget_last_events
from core.usage.late_usage import mark_late
from core.usage.recount import complete_from
from core.usage.renew_levels import renew_levels
from core.usage.tables import CreditSlice, LedgerEvent, UsageLevel, UsageSum

MANY: Final = 10_000
"""The number of events from which on the correction of a license is too long for a request."""

_EVENT: Final = LedgerEvent.__table__  # type: ignore[attr-defined]
_SUM: Final = UsageSum.__table__  # type: ignore[attr-defined]
_LEVEL: Final = UsageLevel.__table__  # type: ignore[attr-defined]
_SLICE: Final = CreditSlice.__table__  # type: ignore[attr-defined]
_TIME: Final = sa.type_coerce(_EVENT.c.time, BigInteger)
_MOVES: Final[dict[str, Any]] = {"old_day": Date(), "new_day": Date(), "begins": BigInteger(), "ends": BigInteger()}
_DAY: Final = timedelta(days=1)

_SeriesDay: TypeAlias = tuple[int, date]
"""A series by its number, and a day."""


class _Moved(NamedTuple):
    """The events of a series that moved from one day to another: their amount in billionths, and their number.

    `levels` is the number of those that are known to be levels by the time of their acceptance.
    """

    series_id: int
    old_day: date
    new_day: date
    nanos: int
    events: int
    levels: int


def has_many_events(session: Session, license_id: int) -> bool:
    """Return whether the ledger holds at least MANY events of a license."""
    some = sa.select(sa.literal(1)).where(_EVENT.c.license_id == license_id).limit(MANY).subquery()
    count: int = session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return count == MANY


def rezone(session: Session, license_id: int) -> bool:
    """Correct the days of a license's usage by its time zone, and mark what changed as late usage.

    Args:
        session: A session for writing. The caller has locked the snapshot of the license, so that corrections run one
            after the other.
        license_id: The license.

    Returns:
        Whether a day was wrong.
    """
    time_zone = session.execute(sa.select(col(License.time_zone)).where(col(License.id) == license_id)).scalar_one()
    moves = _moves(session, license_id, time_zone)
    moved = _move_events(session, license_id, moves) if moves else []
    if not moved:
        return False
    levels = _which_are_levels(session, license_id, moved)
    first = min(min(each.old_day, each.new_day) for each in moved)
    # In the order in which ingestion locks these tables, so that the two never deadlock.
    mark_late(session, {license_id: first})
    _renew_levels(session, license_id, [each for each in moved if each.series_id in levels])
    _move_sums(session, license_id, [each for each in moved if each.series_id not in levels])
    _delete_slices(session, license_id, first)
    return True


def _moves(session: Session, license_id: int, time_zone: str) -> list[tuple[str, str, int, int]]:
    """Return the stored days of events that are not of that day, with the right day and the instants from and until."""
    days = session.execute(
        sa.select(_EVENT.c.day, sa.func.min(_TIME), sa.func.max(_TIME))
        .where(_EVENT.c.license_id == license_id)
        .group_by(_EVENT.c.day)
    )
    return [
        (day.isoformat(), _date(span.day).isoformat(), span.begin, span.end)
        for day, first, last in days
        if not _date(local_day(time_zone, first)) == day == _date(local_day(time_zone, last))
        for span in day_spans(time_zone, first, last + 1)
        if _date(span.day) != day
    ]


def _date(day: int) -> date:
    return EPOCH.date() + day * _DAY


def _move_events(session: Session, license_id: int, moves: Sequence[Sequence[Any]]) -> list[_Moved]:
    """Write the new days of events into the ledger, and return what moved."""
    # Materialized, since SQLite would read the values from their text anew for each event.
    given = values_table(session, _MOVES, moves, "moves").prefix_with("MATERIALIZED")
    wrong = sa.and_(
        _EVENT.c.license_id == license_id,
        _EVENT.c.day == given.c.old_day,
        given.c.begins <= _TIME,
        given.c.ends > _TIME,
    )
    counts = _EVENT.c.cancelled_by.is_(None)
    amounts = (sa.case((counts, _EVENT.c[part]), else_=0).label(part) for part in ("whole", "nanos"))
    columns = (_EVENT.c.series_id, given.c.old_day, given.c.new_day, *amounts, _EVENT.c.accepted)
    update = sa.update(_EVENT).values(day=given.c.new_day).where(wrong)
    if is_postgresql(session):
        # One statement, since another transaction may commit an event between two.
        return _read_moved(session, update.returning(*columns).cte("moved"))
    moved = _read_moved(session, sa.select(*columns).select_from(sa.join(_EVENT, given, wrong)).subquery("moved"))
    session.execute(update, execution_options={"synchronize_session": False})
    return moved


def _read_moved(session: Session, moved: sa.FromClause) -> list[_Moved]:
    keys = moved.c.series_id, moved.c.old_day, moved.c.new_day
    counts = sa.func.count(), sa.func.count(moved.c.accepted)
    return [
        _Moved(series_id, old_day, new_day, (int(high) * NANOS + int(low)) * NANOS + int(nanos), events, levels)
        for series_id, old_day, new_day, high, low, nanos, events, levels in session.execute(
            sa.select(*keys, *sums_of(moved.c), *counts).group_by(*keys)
        )
    ]


def _which_are_levels(session: Session, license_id: int, moved: Sequence[_Moved]) -> set[int]:
    """Return the series that are levels: by their reports, or by the rollup where reports are older than `accepted`."""
    levels = {each.series_id for each in moved if each.levels}
    for part in parts({each.series_id for each in moved} - levels):
        of_series = (_LEVEL.c.license_id == license_id, _LEVEL.c.series_id.in_(part))
        levels.update(session.scalars(sa.select(_LEVEL.c.series_id).where(*of_series).distinct()))
    return levels


def _move_sums(session: Session, license_id: int, moved: Sequence[_Moved]) -> None:
    """Take the amounts from the sums of the old days, and add them to those of the new days."""
    changes: dict[_SeriesDay, list[int]] = defaultdict(lambda: [0, 0])
    for series_id, old_day, new_day, nanos, events, _ in moved:
        for day, sign in ((old_day, -1), (new_day, 1)):
            change = changes[series_id, day]
            change[0] += sign * nanos
            change[1] += sign * events
    rows = []
    # In the order in which ingestion writes sums, so that the two never deadlock. A shard alone may fall below zero.
    for (series_id, day), (amount, events) in sorted(changes.items()):
        whole, nanos = divmod(amount, NANOS)
        key = {"license_id": license_id, "series_id": series_id, "day": day, "shard": 0}
        rows.append({**key, "whole": whole, "nanos": nanos, "events": events})
    if not rows:
        return
    statement = insert_into(session, UsageSum)
    added = {name: _SUM.c[name] + statement.excluded[name] for name in ("whole", "nanos", "events")}
    index = ["license_id", "series_id", "day", "shard"]
    session.execute(statement.on_conflict_do_update(index_elements=index, set_=added), rows)
    forget_last_events(session, license_id)
    _delete_empty_sums(session, license_id, {key for key, (_, events) in changes.items() if events < 0})


def _delete_empty_sums(session: Session, license_id: int, keys: Collection[_SeriesDay]) -> None:
    """Delete the sums of days that have no events any more."""
    key = sa.tuple_(_SUM.c.series_id, _SUM.c.day)
    events: dict[_SeriesDay, int] = defaultdict(int)
    for part in parts(sorted(keys)):
        # Locked first: an event that is added meanwhile would be deleted with the rest of its shard.
        for series_id, day, count in session.execute(
            sa.select(_SUM.c.series_id, _SUM.c.day, _SUM.c.events)
            .where(_SUM.c.license_id == license_id, key.in_(part))
            .order_by(_SUM.c.series_id, _SUM.c.day, _SUM.c.shard)
            .with_for_update()
        ):
            events[series_id, day] += count
    for part in parts([key for key, count in events.items() if not count]):
        session.execute(sa.delete(_SUM).where(_SUM.c.license_id == license_id, key.in_(part)))


def _renew_levels(session: Session, license_id: int, moved: Sequence[_Moved]) -> None:
    days: dict[int, list[date]] = defaultdict(list)
    for series_id, old_day, new_day, *_ in moved:
        days[series_id] += [old_day, new_day]
    for series_id, changed in sorted(days.items()):
        renew_levels(session, license_id, series_id, min(changed), max(changed))


def _delete_slices(session: Session, license_id: int, since: date) -> None:
    """Delete the slices of days that the next refresh divides again; those that the ledger has dropped stay."""
    complete = complete_from(session)
    first = since if complete is None else max(since, complete)
    session.execute(sa.delete(_SLICE).where(_SLICE.c.license_id == license_id, _SLICE.c.day >= first))
