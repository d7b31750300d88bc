"""Recording checked events: ledger and rollups in one transaction, each event once."""

import os
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import chain, islice
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from core.database.dialect import insert_into, parts
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.text import shown
from core.times import microseconds
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.amount import LARGEST_TOTAL, TotalTooLarge
from core.usage.days import local_day
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.ledger import Batch, EventKey, LedgerRow
from core.usage.series import series_ids
from core.usage.tables import LateUsage, LedgerEvent

SUGGESTIONS: Final = 20
"""Unknown licenses of one transaction that get a nearest name: each one searches all keys."""
SHARDS: Final = 16

_Place: TypeAlias = tuple[int, str]
"""Where a license's events go: its id, and its time zone."""
_SeriesName: TypeAlias = tuple[str, str, str, str]
"""A series as events name it: license, type, entity, dimensions."""


@dataclass(slots=True)
class Recorded:
    """What became of a batch. Every event is accepted, a duplicate, or rejected."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[RejectedEvent] = field(default_factory=list)
    unknown: dict[int, str] = field(default_factory=dict)
    """The licenses that there are none of, by the place of the event."""


def record(session: Session, events: Sequence[UsageEvent], now: datetime) -> Recorded:
    """Write the events to the ledger and the rollups; the caller commits, and only then acknowledges.

    A known (license, source, id) with the same content is a duplicate; with other content it is rejected
    as a conflict. Raises :class:`TotalTooLarge` where the sums could not stay exact. The number of statements
    does not depend on how many events there are.
    """
    recorded = record_together(session, [events], now)
    name_nearest(session, recorded)
    return recorded[0]


def record_together(session: Session, batches: Sequence[Sequence[UsageEvent]], now: datetime) -> list[Recorded]:
    """The same for the batches of several senders, in order; what became of each."""
    results = [Recorded() for _ in batches]
    named = {(event.license, event.type, event.entity, event.dimensions) for event in chain.from_iterable(batches)}
    places = _places(session, {license for license, *_ in named})
    series = _series(session, named, places)
    rows: dict[EventKey, LedgerRow] = {}
    levels: set[int] = set()
    placed: list[tuple[Recorded, UsageEvent, LedgerRow]] = []
    for result, events in zip(results, batches, strict=True):
        for event in events:
            _, license, source, identifier, name, kind, entity, dimensions, time, _, whole, nanos = event
            place = places.get(license)
            if place is None:
                result.rejected.append(_unknown_license(event))
                result.unknown[event.position] = license
                continue
            license_id, time_zone = place
            series_id = series[license, name, entity, dimensions]
            if kind == "level":
                levels.add(series_id)
            day = local_day(time_zone, time)
            row = LedgerRow(license_id, source, identifier, series_id, time, day, whole, nanos)
            rows.setdefault((license_id, source, identifier), row)
            placed.append((result, event, row))
    today = {license_id: local_day(time_zone, microseconds(now)) for license_id, time_zone in places.values()}
    new = _write(session, rows, levels, today) if rows else set()
    known = _stored(session, rows.keys() - new)
    for result, event, row in placed:
        key = (row.license_id, row.source, row.id)
        first = known.get(key) or rows[key]
        if first is row:
            result.accepted += 1
        elif _says_the_same(event, row, first):
            result.duplicates += 1
        else:
            result.rejected.append(_conflict(event))
    for result in results:
        result.rejected.sort(key=lambda rejected: rejected.index)
    return results


def name_nearest(session: Session, results: Sequence[Recorded]) -> None:
    """Name the nearest license with events whose license there is none of, as far as that is not too much.

    It searches the keys of all licenses, so a transaction that others wait for is no place for it.
    """
    asked = list(islice(((result, *one) for result in results for one in result.unknown.items()), SUGGESTIONS))
    if not asked:
        return
    keys = session.exec(select(License.key)).all()
    for result, position, license in asked:
        if near := did_you_mean(license, keys):
            result.rejected = [
                replace(one, message=one.message + near) if one.index == position else one for one in result.rejected
            ]


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


def _write(
    session: Session, rows: Mapping[EventKey, LedgerRow], levels: Set[int], today: Mapping[int, int]
) -> Set[EventKey]:
    """Write what is not known yet; the keys of that."""
    if sum(row.whole for row in rows.values()) > LARGEST_TOTAL:
        raise TotalTooLarge
    batch = Batch(list(rows.values()), levels, today, os.getpid() % SHARDS)
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    write = ledger_postgresql.write if on_postgresql else ledger_sqlite.write
    try:
        new = write(session.connection(), batch)
    except IntegrityError as error:
        if "usage_sum_in_range" not in str(error.orig):
            raise
        raise TotalTooLarge from None
    return rows.keys() if new is None else new


def _places(session: Session, keys: Collection[str]) -> dict[str, _Place]:
    """Of the licenses that there are."""
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    places = ledger_postgresql.places if on_postgresql else ledger_sqlite.places
    return {key: (license_id, time_zone) for key, license_id, time_zone in places(session.connection(), keys)}


def _series(session: Session, named: Collection[_SeriesName], places: Mapping[str, _Place]) -> dict[_SeriesName, int]:
    """The number of each series of a license that there is."""
    keys = {name: (places[name[0]][0], *name[1:]) for name in named if name[0] in places}
    ids = series_ids(session, set(keys.values()))
    return {name: ids[key] for name, key in keys.items()}


def _unknown_license(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(event.position, event.id, "UNKNOWN_LICENSE", f"No license {shown(event.license)}.")


def _stored(session: Session, keys: Collection[EventKey]) -> dict[EventKey, LedgerRow]:
    if not keys:
        return {}
    table = LedgerEvent
    key = sa.tuple_(col(table.license_id), col(table.source), col(table.id))
    columns = (
        *(col(table.license_id), col(table.source), col(table.id), col(table.series_id)),
        *(sa.type_coerce(table.time, sa.BigInteger), sa.literal(0), col(table.whole), col(table.nanos)),
    )
    rows = (row for part in parts(keys) for row in session.execute(sa.select(*columns).where(key.in_(part))))
    return {(row[0], row[1], row[2]): LedgerRow(*row) for row in rows}


def _says_the_same(event: UsageEvent, row: LedgerRow, first: LedgerRow) -> bool:
    """Whether an event whose id is known is that one sent again. Without a time it says nothing of the time."""
    same_time = not event.timed or row.time == first.time
    return same_time and (row.series_id, row.whole, row.nanos) == (first.series_id, first.whole, first.nanos)


def _conflict(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.position,
        event.id,
        "ID_CONFLICT",
        f"{shown(event.id)} of {shown(event.source)} was recorded before with other content. "
        "Give every event an id of its own, and send a retry unchanged.",
    )
