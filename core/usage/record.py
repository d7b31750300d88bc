"""Recording checked events: ledger and rollups in one transaction, each event once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import tuple_
from sqlmodel import Session, col, func, select

from core.database.engine import insert_into
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.text import shown
from core.usage.amount import NANOS
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.tables import LateUsage, UsageLevel, UsageSeries, UsageSum
from core.usage.tables import UsageEvent as LedgerRow

SUGGESTIONS = 20
"""Unknown licenses of one batch that get a nearest name: each one searches all keys."""

_SeriesKey = tuple[int, str, str, str]
_EventKey = tuple[int, str, str]
T = TypeVar("T")


@dataclass(slots=True)
class Recorded:
    """What became of a batch. Every event is accepted, a duplicate, or rejected."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[RejectedEvent] = field(default_factory=list)
    licenses: set[int] = field(default_factory=set)
    """Licenses that got anything new, by id."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An event with its license, its day in the license's time zone, and whether that day is over there."""

    event: UsageEvent
    license_id: int
    day: date
    late: bool

    @property
    def key(self) -> _EventKey:
        return (self.license_id, self.event.source, self.event.id)

    @property
    def series(self) -> _SeriesKey:
        return (self.license_id, self.event.type, self.event.entity, self.event.dimensions)


def record(session: Session, events: Sequence[UsageEvent], now: datetime) -> Recorded:
    """Write the events to the ledger and the rollups; the caller commits, and only then acknowledges.

    A known (license, source, id) with the same content is a duplicate; with other content it is rejected
    as a conflict. Rows are written in the order of their keys, so that concurrent batches never wait for
    each other in a circle.
    """
    result = Recorded()
    first: dict[_EventKey, _Placed] = {}
    again: list[_Placed] = []
    for placed in _place(session, events, now, result):
        if placed.key in first:
            again.append(placed)
        else:
            first[placed.key] = placed
    placed_in_order = [first[key] for key in sorted(first)]
    series = _series_ids(session, {placed.series for placed in placed_in_order})
    new = _insert(session, placed_in_order, series)
    fresh = [placed for placed in placed_in_order if placed.key in new]
    known = [placed for placed in placed_in_order if placed.key not in new]
    _add_up(session, [placed for placed in fresh if placed.event.kind == "counter"], series)
    _keep_newest(session, [placed for placed in fresh if placed.event.kind == "level"], series)
    _mark_late(session, fresh)
    digests = {placed.key: placed.event.digest for placed in fresh} | _digests(session, known)
    for placed in known + again:
        _judge_repeated(placed, digests[placed.key], result)
    result.accepted = len(fresh)
    result.licenses = {placed.license_id for placed in fresh}
    result.rejected.sort(key=lambda rejected: rejected.index)
    return result


def mark_late(session: Session, since: dict[int, date]) -> None:
    """Have the history of these licenses measured again from a day on, at their next refresh."""
    if not since:
        return
    statement = insert_into(session, LateUsage).values(
        [{"license_id": license_id, "since": day, "revision": 1} for license_id, day in sorted(since.items())]
    )
    earlier = func.least if session.get_bind().dialect.name == "postgresql" else func.min
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id"],
            set_={
                "since": earlier(col(LateUsage.since), statement.excluded.since),
                "revision": col(LateUsage.revision) + 1,
            },
        )
    )


def _place(session: Session, events: Sequence[UsageEvent], now: datetime, result: Recorded) -> Iterator[_Placed]:
    keys = {event.license for event in events}
    found = {
        row.key: (row.id, ZoneInfo(row.time_zone))
        for part in _parts(keys)
        for row in session.exec(select(License).where(col(License.key).in_(part)))
    }
    suggested: dict[str, str] = {}
    for event in events:
        if event.license in found:
            license_id, zone = found[event.license]
            assert license_id is not None  # noqa: S101 - a row that was read has its key
            day = event.time.astimezone(zone).date()
            yield _Placed(event, license_id, day, late=day < now.astimezone(zone).date())
            continue
        if event.license not in suggested and len(suggested) < SUGGESTIONS:
            suggested[event.license] = did_you_mean(event.license, session.exec(select(License.key)).all())
        message = f"No license {shown(event.license)}.{suggested.get(event.license, '')}"
        result.rejected.append(RejectedEvent(event.index, event.id, "UNKNOWN_LICENSE", message))


def _series_ids(session: Session, wanted: set[_SeriesKey]) -> dict[_SeriesKey, int]:
    found = _known_series(session, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        rows = [dict(zip(("license_id", "event", "entity", "dimensions"), key, strict=True)) for key in missing]
        session.execute(insert_into(session, UsageSeries).on_conflict_do_nothing(), rows)
        found |= _known_series(session, set(missing))
    return found


def _known_series(session: Session, wanted: set[_SeriesKey]) -> dict[_SeriesKey, int]:
    series = UsageSeries
    key = tuple_(col(series.license_id), col(series.event), col(series.entity), col(series.dimensions))
    return {
        (row.license_id, row.event, row.entity, row.dimensions): row.id
        for part in _parts(wanted)
        for row in session.execute(
            sa.select(UsageSeries.__table__).where(key.in_(part))  # type: ignore[attr-defined]
        )
    }


def _insert(session: Session, placed: Sequence[_Placed], series: dict[_SeriesKey, int]) -> set[_EventKey]:
    """Insert into the ledger what it does not hold yet; the keys of what was inserted."""
    if not placed:
        return set()
    statement = (
        insert_into(session, LedgerRow)
        .on_conflict_do_nothing()
        .returning(col(LedgerRow.license_id), col(LedgerRow.source), col(LedgerRow.id))
    )
    rows = [
        {
            "license_id": one.license_id,
            "source": one.event.source,
            "id": one.event.id,
            "series_id": series[one.series],
            "time": one.event.time,
            "day": one.day,
            "whole": one.event.whole,
            "nanos": one.event.nanos,
            "digest": one.event.digest,
        }
        for one in placed
    ]
    return {(row[0], row[1], row[2]) for row in session.execute(statement, rows)}


def _add_up(session: Session, placed: Iterable[_Placed], series: dict[_SeriesKey, int]) -> None:
    sums: dict[tuple[int, int, date], list[int]] = {}
    for one in placed:
        total = sums.setdefault((one.license_id, series[one.series], one.day), [0, 0, 0])
        total[0] += one.event.whole
        total[1] += one.event.nanos
        total[2] += 1
    if not sums:
        return
    statement = insert_into(session, UsageSum)
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id", "series_id", "day"],
            set_={
                "whole": col(UsageSum.whole) + new.whole,
                "nanos": col(UsageSum.nanos) + new.nanos,
                "events": col(UsageSum.events) + new.events,
            },
        ),
        [
            {
                "license_id": license_id,
                "series_id": series_id,
                "day": day,
                "whole": whole + nanos // NANOS,
                "nanos": nanos % NANOS,
                "events": events,
            }
            for (license_id, series_id, day), (whole, nanos, events) in sorted(sums.items())
        ],
    )


def _keep_newest(session: Session, placed: Iterable[_Placed], series: dict[_SeriesKey, int]) -> None:
    newest: dict[tuple[int, int, date], UsageEvent] = {}
    for one in placed:
        key = (one.license_id, series[one.series], one.day)
        if key not in newest or _age(newest[key]) < _age(one.event):
            newest[key] = one.event
    if not newest:
        return
    statement = insert_into(session, UsageLevel)
    new, old = statement.excluded, UsageLevel
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id", "series_id", "day"],
            set_={name: new[name] for name in ("whole", "nanos", "time", "source", "event_id")},
            where=tuple_(new.time, new.source, new.event_id)
            > tuple_(col(old.time), col(old.source), col(old.event_id)),
        ),
        [
            {
                "license_id": license_id,
                "series_id": series_id,
                "day": day,
                "whole": event.whole,
                "nanos": event.nanos,
                "time": event.time,
                "source": event.source,
                "event_id": event.id,
            }
            for (license_id, series_id, day), event in sorted(newest.items(), key=lambda item: item[0])
        ],
    )


def _age(event: UsageEvent) -> tuple[datetime, str, str]:
    return (event.time, event.source, event.id)


def _mark_late(session: Session, placed: Iterable[_Placed]) -> None:
    since: dict[int, date] = {}
    for one in placed:
        if one.late:
            since[one.license_id] = min(one.day, since.get(one.license_id, one.day))
    mark_late(session, since)


def _digests(session: Session, placed: Sequence[_Placed]) -> dict[_EventKey, bytes]:
    key = tuple_(col(LedgerRow.license_id), col(LedgerRow.source), col(LedgerRow.id))
    return {
        (row.license_id, row.source, row.id): row.digest
        for part in _parts([one.key for one in placed])
        for row in session.execute(
            select(LedgerRow.license_id, LedgerRow.source, LedgerRow.id, LedgerRow.digest).where(key.in_(part))
        )
    }


def _judge_repeated(placed: _Placed, digest: bytes, result: Recorded) -> None:
    if digest == placed.event.digest:
        result.duplicates += 1
        return
    result.rejected.append(
        RejectedEvent(
            placed.event.index,
            placed.event.id,
            "ID_CONFLICT",
            f"{shown(placed.event.id)} of {shown(placed.event.source)} was recorded before with other content. "
            "Give every event an id of its own, and send a retry unchanged.",
        )
    )


def _parts(values: Collection[T], size: int = 500) -> Iterator[list[T]]:
    """The values in parts that a statement's parameters have room for."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
