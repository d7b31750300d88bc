"""Recording checked events: ledger and rollups in one transaction, each event once."""

import os
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from core.database.engine import insert_into, parts
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.text import shown
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.amount import LARGEST_TOTAL, TotalTooLarge
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.ledger import EPOCH_DAY, EventKey, LedgerRow, Write
from core.usage.series import SeriesKey, series_ids
from core.usage.tables import LateUsage
from core.usage.tables import UsageEvent as LedgerTable

SUGGESTIONS: Final = 20
"""Unknown licenses of one batch that get a nearest name: each one searches all keys."""
SHARDS: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WRITERS: Final[dict[str, Write]] = {"postgresql": ledger_postgresql.write, "sqlite": ledger_sqlite.write}


@dataclass(slots=True)
class Recorded:
    """What became of a batch. Every event is accepted, a duplicate, or rejected."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[RejectedEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a license's events go: its id, its time zone, and the day that it is there."""

    license_id: int
    zone: ZoneInfo
    today: int


def record(session: Session, events: Sequence[UsageEvent], now: datetime) -> Recorded:
    """Write the events to the ledger and the rollups; the caller commits, and only then acknowledges.

    A known (license, source, id) with the same content is a duplicate; with other content it is rejected
    as a conflict. Raises :class:`TotalTooLarge` where the sums could not stay exact. The number of statements
    does not depend on how many events there are.
    """
    return record_together(session, [events], now)[0]


def record_together(session: Session, batches: Sequence[Sequence[UsageEvent]], now: datetime) -> list[Recorded]:
    """The same for the batches of several senders, in order; what became of each."""
    results = [Recorded() for _ in batches]
    places = _places(session, {event.license for events in batches for event in events}, now)
    first: dict[EventKey, UsageEvent] = {}
    placed: list[tuple[Recorded, EventKey, UsageEvent]] = []
    for result, events in zip(results, batches, strict=True):
        for event in events:
            place = places.get(event.license)
            if place is None:
                result.rejected.append(_unknown_license(session, event, result))
                continue
            key = (place.license_id, event.source, event.id)
            first.setdefault(key, event)
            placed.append((result, key, event))
    new = _write(session, first, places) if first else set()
    stored = _digests(session, first.keys() - new)
    for result, key, event in placed:
        if key in new and first[key] is event:
            result.accepted += 1
        elif event.digest == (first[key].digest if key in new else stored[key]):
            result.duplicates += 1
        else:
            result.rejected.append(_conflict(event))
    for result in results:
        result.rejected.sort(key=lambda rejected: rejected.index)
    return results


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


def _write(session: Session, events: Mapping[EventKey, UsageEvent], places: Mapping[str, _Place]) -> Set[EventKey]:
    """Write what is not known yet; the keys of that."""
    if sum(event.whole for event in events.values()) > LARGEST_TOTAL:
        raise TotalTooLarge
    keys: dict[EventKey, SeriesKey] = {
        key: (key[0], event.type, event.entity, event.dimensions) for key, event in events.items()
    }
    series = series_ids(session, set(keys.values()))
    rows = []
    # In the order of their keys, so that concurrent batches never wait for each other in a circle.
    for key in sorted(events):
        event = events[key]
        day = event.time.astimezone(places[event.license].zone).toordinal() - EPOCH_DAY
        time = (event.time - _EPOCH) // _MICROSECOND
        rows.append(LedgerRow(*key, series[keys[key]], time, day, event.whole, event.nanos, event.digest))
    levels = {series[keys[key]] for key, event in events.items() if event.kind == "level"}
    today = {place.license_id: place.today for place in places.values()}
    write = _WRITERS[session.get_bind().dialect.name]
    try:
        new = write(session.connection(), rows, levels, today, os.getpid() % SHARDS)
    except IntegrityError as error:
        if "usage_sum_in_range" not in str(error.orig):
            raise
        raise TotalTooLarge from None
    return events.keys() if new is None else new


def _places(session: Session, keys: Collection[str], now: datetime) -> dict[str, _Place]:
    places = {}
    for part in parts(keys):
        found = sa.select(col(License.key), col(License.id), col(License.time_zone)).where(col(License.key).in_(part))
        for key, license_id, time_zone in session.execute(found):
            zone = ZoneInfo(time_zone)
            places[key] = _Place(license_id, zone, now.astimezone(zone).toordinal() - EPOCH_DAY)
    return places


def _unknown_license(session: Session, event: UsageEvent, result: Recorded) -> RejectedEvent:
    near = ""
    if len(result.rejected) < SUGGESTIONS:
        near = did_you_mean(event.license, session.exec(select(License.key)).all())
    return RejectedEvent(event.index, event.id, "UNKNOWN_LICENSE", f"No license {shown(event.license)}.{near}")


def _digests(session: Session, keys: Collection[EventKey]) -> dict[EventKey, bytes]:
    key = sa.tuple_(col(LedgerTable.license_id), col(LedgerTable.source), col(LedgerTable.id))
    return {
        (row[0], row[1], row[2]): row[3]
        for part in parts(keys)
        for row in session.execute(
            sa.select(
                col(LedgerTable.license_id), col(LedgerTable.source), col(LedgerTable.id), col(LedgerTable.digest)
            ).where(key.in_(part))
        )
    }


def _conflict(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.index,
        event.id,
        "ID_CONFLICT",
        f"{shown(event.id)} of {shown(event.source)} was recorded before with other content. "
        "Give every event an id of its own, and send a retry unchanged.",
    )
