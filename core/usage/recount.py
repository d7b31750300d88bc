"""The recount of the ledger, which proves that the rollups that meters read are right."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa
from allowance import EventType
from sqlmodel import Session, col

from core.times import instant
from core.usage.amount import NANOS, from_nanos
from core.usage.levels import LevelReport, newest_reports, select_reports
from core.usage.retention import complete_since
from core.usage.tables import LedgerEvent, UsageLevel, UsageSeries, UsageSum

_STREAM_ROWS: Final = 1000
_Key = tuple[int, date]
T = TypeVar("T")


class DayTotal(NamedTuple):
    """The sum of a counter on a day, in billionths, and its number of events."""

    nanos: int
    events: int

    def __str__(self) -> str:
        """Return the sum and the number of events for people."""
        return f"{from_nanos(0, self.nanos):f} in {self.events} event{'' if self.events == 1 else 's'}"


class DayLevel(NamedTuple):
    """The value of a level at the end of a day, in billionths, and the event that it came with."""

    nanos: int
    time: datetime
    source: str
    event_id: str

    def __str__(self) -> str:
        """Return the value and its event for people."""
        return f"{from_nanos(0, self.nanos):f} at {self.time.isoformat()} by {self.event_id!r} of {self.source!r}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A day of a series on which ledger and rollup differ; None if one of them has nothing of the day."""

    event: str
    entity: str
    dimensions: str
    day: date
    ledger: DayTotal | DayLevel | None
    rollup: DayTotal | DayLevel | None


def recount(session: Session, license_id: int, event_types: Mapping[str, EventType]) -> Iterator[Difference]:
    """Yield the differences between ledger and rollups of a license. There should be none.

    On days before :func:`complete_from`, events may have been dropped: the rollup must include the events that are
    left. Rows are streamed, so that no ledger is too large.

    Args:
        session: A session for reading. It sees one state of the database throughout.
        license_id: The license.
        event_types: The known event types by name.
    """
    complete = complete_from(session) or date.min
    levels = _levels(license_id, event_types)
    totals = _join(_ledger_totals(session, license_id, levels), _rollup_totals(session, license_id))
    newest_levels = _join(_ledger_levels(session, license_id, levels), _rollup_levels(session, license_id))
    for (series_id, day), ledger, rollup in chain(totals, newest_levels):
        if ledger != rollup and (day >= complete or not _includes(rollup, ledger)):
            series = session.get(UsageSeries, series_id)
            name = (series.event, series.entity, series.dimensions) if series else (f"series {series_id}", "", "")
            yield Difference(*name, day, ledger, rollup)


def complete_from(session: Session) -> date | None:
    """Return the first day of which the ledger holds all events, in any time zone; None if none was ever dropped."""
    since = complete_since(session)
    # An event may be of a later day than its arrival, by its time zone and by its sender's clock.
    return None if since is None else since.date() + timedelta(days=3)


def _includes(rollup: DayTotal | DayLevel | None, ledger: DayTotal | DayLevel | None) -> bool:
    """Return whether a rollup includes at least the events that the ledger still holds."""
    if ledger is None:
        return True
    if isinstance(rollup, DayTotal) and isinstance(ledger, DayTotal):
        return rollup.nanos >= ledger.nanos and rollup.events >= ledger.events
    return isinstance(rollup, DayLevel) and isinstance(ledger, DayLevel) and rollup.time >= ledger.time


def _levels(license_id: int, event_types: Mapping[str, EventType]) -> sa.Select[int | None]:
    """Select the series that are levels; of a type whose meter is not installed any more, those with a level rollup."""
    levels = [name for name, event in event_types.items() if event.kind == "level"]
    of_rollup = sa.select(col(UsageLevel.series_id)).where(col(UsageLevel.license_id) == license_id)
    return sa.select(col(UsageSeries.id)).where(
        col(UsageSeries.license_id) == license_id,
        sa.or_(
            col(UsageSeries.event).in_(levels),
            sa.and_(col(UsageSeries.event).not_in(list(event_types)), col(UsageSeries.id).in_(of_rollup)),
        ),
    )


def _ledger_totals(session: Session, license_id: int, levels: sa.Select[int | None]) -> Iterator[tuple[_Key, DayTotal]]:
    event = LedgerEvent
    key = (col(event.series_id), col(event.day))
    counts = col(event.cancelled_by).is_(None)
    amounts = (sa.func.sum(sa.case((counts, part), else_=0)) for part in (event.whole, event.nanos))
    statement = (
        sa.select(*key, *amounts, sa.func.count())
        .where(col(event.license_id) == license_id, col(event.series_id).not_in(levels))
        .group_by(*key)
        .order_by(*key)
    )
    return _read_totals(session, statement)


def _rollup_totals(session: Session, license_id: int) -> Iterator[tuple[_Key, DayTotal]]:
    rollup = UsageSum
    key = (col(rollup.series_id), col(rollup.day))
    statement = (
        sa.select(*key, sa.func.sum(rollup.whole), sa.func.sum(rollup.nanos), sa.func.sum(rollup.events))
        .where(col(rollup.license_id) == license_id)
        .group_by(*key)
        .order_by(*key)
    )
    return _read_totals(session, statement)


def _read_totals(session: Session, statement: sa.Executable) -> Iterator[tuple[_Key, DayTotal]]:
    for series_id, day, whole, nanos, events in _stream(session, statement):
        yield (series_id, day), DayTotal(int(whole) * NANOS + int(nanos), int(events))


def _ledger_levels(session: Session, license_id: int, levels: sa.Select[int | None]) -> Iterator[tuple[_Key, DayLevel]]:
    """Yield the levels by the rules of the rollup, from the events in the order in which they were accepted."""
    statement = select_reports().where(
        col(LedgerEvent.license_id) == license_id, col(LedgerEvent.series_id).in_(levels)
    )
    for series_id, rows in groupby(_stream(session, statement), key=itemgetter(0)):
        days = newest_reports((day, LevelReport(*report)) for _, day, *report in rows)
        for day, level in sorted(days.items()):
            yield (
                (series_id, day),
                DayLevel(level.whole * NANOS + level.nanos, instant(level.time), level.source, level.id),
            )


def _rollup_levels(session: Session, license_id: int) -> Iterator[tuple[_Key, DayLevel]]:
    rollup = UsageLevel
    statement = (
        sa.select(
            *(col(rollup.series_id), col(rollup.day), col(rollup.whole), col(rollup.nanos)),
            *(col(rollup.time), col(rollup.source), col(rollup.event_id)),
        )
        .where(col(rollup.license_id) == license_id)
        .order_by(col(rollup.series_id), col(rollup.day))
    )
    for series_id, day, whole, nanos, time, source, event_id in _stream(session, statement):
        yield (series_id, day), DayLevel(whole * NANOS + nanos, time, source, event_id)


def _stream(session: Session, statement: sa.Executable) -> Iterator[Any]:
    return iter(session.execute(statement, execution_options={"yield_per": _STREAM_ROWS}))


def _join(
    ledger: Iterable[tuple[_Key, T]], rollup: Iterable[tuple[_Key, T]]
) -> Iterator[tuple[_Key, T | None, T | None]]:
    """Join two streams in the order of their keys: each key with its value in the ledger and in the rollup."""
    left = ((key, 0, value) for key, value in ledger)
    right = ((key, 1, value) for key, value in rollup)
    for key, rows in groupby(merge(left, right, key=itemgetter(0)), key=itemgetter(0)):
        values = {side: value for _, side, value in rows}
        yield key, values.get(0), values.get(1)
