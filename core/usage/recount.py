"""Recounting the ledger, to prove that the rollups that meters read say the same."""

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

from core.usage.amount import NANOS, from_nanos
from core.usage.retention import held_from
from core.usage.tables import LedgerEvent, UsageLevel, UsageSeries, UsageSum

_STREAMED: Final = 1000
_Key = tuple[int, date]
T = TypeVar("T")


class Total(NamedTuple):
    """What a counter adds up to on a day, in billionths, and in how many events."""

    nanos: int
    events: int

    def __str__(self) -> str:
        return f"{from_nanos(0, self.nanos):f} in {self.events} event{'' if self.events == 1 else 's'}"


class Newest(NamedTuple):
    """Where a level stood at the end of a day, in billionths, and the event that said so."""

    nanos: int
    time: datetime
    source: str
    event_id: str

    def __str__(self) -> str:
        return f"{from_nanos(0, self.nanos):f} at {self.time.isoformat()} by {self.event_id!r} of {self.source!r}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A day of a series of which the ledger and the rollup do not say the same; None where one says nothing."""

    event: str
    entity: str
    dimensions: str
    day: date
    ledger: Total | Newest | None
    rollup: Total | Newest | None


def recount(session: Session, license_id: int, event_types: Mapping[str, EventType]) -> Iterator[Difference]:
    """Every difference of a license; there should be none.

    Of days whose events may be dropped in part (see :func:`whole_from`), what is left must be in the rollup.
    The session must see one state of the database throughout, as one for reading does. Rows are streamed, so
    that no ledger is too large.
    """
    whole = whole_from(session) or date.min
    levels = _levels(license_id, event_types)
    totals = _side_by_side(_totals(session, license_id, levels), _kept_totals(session, license_id))
    newest = _side_by_side(_newest(session, license_id, levels), _kept_newest(session, license_id))
    for (series_id, day), ledger, rollup in chain(totals, newest):
        if ledger != rollup and (day >= whole or not _holds(rollup, ledger)):
            series = session.get(UsageSeries, series_id)
            named = (series.event, series.entity, series.dimensions) if series else (f"series {series_id}", "", "")
            yield Difference(*named, day, ledger, rollup)


def whole_from(session: Session) -> date | None:
    """The first day of which the ledger holds all events, in any time zone; None where nothing was ever dropped."""
    held = held_from(session)
    # An event may be of a day later than that of its arrival: by its time zone, and by a sender's clock.
    return None if held is None else held.date() + timedelta(days=3)


def _holds(rollup: Total | Newest | None, ledger: Total | Newest | None) -> bool:
    """Whether a rollup is of at least what the ledger still holds."""
    if ledger is None:
        return True
    if isinstance(rollup, Total) and isinstance(ledger, Total):
        return rollup.nanos >= ledger.nanos and rollup.events >= ledger.events
    return isinstance(rollup, Newest) and isinstance(ledger, Newest) and rollup[1:] >= ledger[1:]


def _levels(license_id: int, event_types: Mapping[str, EventType]) -> sa.Select[int | None]:
    """The series that are levels. Of a type whose meter is not installed any more, the rollup tells."""
    levels = [name for name, event in event_types.items() if event.kind == "level"]
    kept = sa.select(col(UsageLevel.series_id)).where(col(UsageLevel.license_id) == license_id)
    return sa.select(col(UsageSeries.id)).where(
        col(UsageSeries.license_id) == license_id,
        sa.or_(
            col(UsageSeries.event).in_(levels),
            sa.and_(col(UsageSeries.event).not_in(list(event_types)), col(UsageSeries.id).in_(kept)),
        ),
    )


def _totals(session: Session, license_id: int, levels: sa.Select[int | None]) -> Iterator[tuple[_Key, Total]]:
    event = LedgerEvent
    key = (col(event.series_id), col(event.day))
    statement = (
        sa.select(*key, sa.func.sum(event.whole), sa.func.sum(event.nanos), sa.func.count())
        .where(col(event.license_id) == license_id, col(event.series_id).not_in(levels))
        .group_by(*key)
        .order_by(*key)
    )
    return _as_totals(session, statement)


def _kept_totals(session: Session, license_id: int) -> Iterator[tuple[_Key, Total]]:
    kept = UsageSum
    key = (col(kept.series_id), col(kept.day))
    statement = (
        sa.select(*key, sa.func.sum(kept.whole), sa.func.sum(kept.nanos), sa.func.sum(kept.events))
        .where(col(kept.license_id) == license_id)
        .group_by(*key)
        .order_by(*key)
    )
    return _as_totals(session, statement)


def _as_totals(session: Session, statement: sa.Executable) -> Iterator[tuple[_Key, Total]]:
    for series_id, day, whole, nanos, events in _stream(session, statement):
        yield (series_id, day), Total(int(whole) * NANOS + int(nanos), int(events))


def _newest(session: Session, license_id: int, levels: sa.Select[int | None]) -> Iterator[tuple[_Key, Newest]]:
    event = LedgerEvent
    key = (col(event.series_id), col(event.day))
    age = (col(event.time).desc(), col(event.source).desc(), col(event.id).desc())
    ranked = (
        sa.select(
            *key,
            *(col(event.whole), col(event.nanos), col(event.time), col(event.source), col(event.id)),
            sa.func.row_number().over(partition_by=key, order_by=age).label("rank"),
        )
        .where(col(event.license_id) == license_id, col(event.series_id).in_(levels))
        .subquery()
    )
    statement = sa.select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.series_id, ranked.c.day)
    for series_id, day, whole, nanos, time, source, event_id, _ in _stream(session, statement):
        yield (series_id, day), Newest(whole * NANOS + nanos, time, source, event_id)


def _kept_newest(session: Session, license_id: int) -> Iterator[tuple[_Key, Newest]]:
    kept = UsageLevel
    statement = (
        sa.select(
            *(col(kept.series_id), col(kept.day), col(kept.whole), col(kept.nanos)),
            *(col(kept.time), col(kept.source), col(kept.event_id)),
        )
        .where(col(kept.license_id) == license_id)
        .order_by(col(kept.series_id), col(kept.day))
    )
    for series_id, day, whole, nanos, time, source, event_id in _stream(session, statement):
        yield (series_id, day), Newest(whole * NANOS + nanos, time, source, event_id)


def _stream(session: Session, statement: sa.Executable) -> Iterator[Any]:
    return iter(session.execute(statement, execution_options={"yield_per": _STREAMED}))


def _side_by_side(
    ledger: Iterable[tuple[_Key, T]], rollup: Iterable[tuple[_Key, T]]
) -> Iterator[tuple[_Key, T | None, T | None]]:
    """Two streams in the order of their keys as one, with what each says of a key."""
    ours = ((key, 0, said) for key, said in ledger)
    theirs = ((key, 1, said) for key, said in rollup)
    for key, rows in groupby(merge(ours, theirs, key=itemgetter(0)), key=itemgetter(0)):
        said = {side: value for _, side, value in rows}
        yield key, said.get(0), said.get(1)
