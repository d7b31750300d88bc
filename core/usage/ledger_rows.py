"""The rows of the ledger for checked events."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from sqlmodel import Session

from core.database.dialect import is_postgresql
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.bounds import UsageBounds
from core.usage.closings import Closings, load_closings
from core.usage.days import local_day
from core.usage.entities import name_entities
from core.usage.events import SPENDING, UsageEvent
from core.usage.ledger import EventKey, LedgerRow
from core.usage.series import series_ids


class EventLicense(NamedTuple):
    """A license as events need it. `closings` counts the times that an entity of it was closed."""

    id: int
    time_zone: str
    closings: int


SeriesName: TypeAlias = tuple[str, str, str, str]
"""A series as events name it: license key, type, entity, dimensions."""
NO_SERIES: Final = 0
"""The number that stands for a series too many for its license."""
BatchRow: TypeAlias = tuple[int, UsageEvent, LedgerRow]
"""The number of a batch, an event of it, and the event's row. A plain tuple: there is one for every event."""


class MadeRows(NamedTuple):
    """The rows of several batches.

    `rows` holds the first row of each event key, `levels` the series that are levels, `spending` those that spend
    credits, `events` all events with their rows. `unknown` are events whose license does not exist, `unnamed` and
    `crowded` events of entities and of series that are too many for their license, with the number of their batch.
    `closed` are events of closed entities that cannot be counted, and `of_closed` the keys of all events of entities
    that close on some day.
    """

    rows: Mapping[EventKey, LedgerRow]
    levels: set[int]
    spending: set[int]
    events: Sequence[BatchRow]
    unknown: Sequence[tuple[int, UsageEvent]]
    unnamed: Sequence[tuple[int, UsageEvent]]
    crowded: Sequence[tuple[int, UsageEvent]]
    closed: Sequence[BatchRow]
    of_closed: Set[EventKey]


def find_licenses(session: Session, keys: Collection[str]) -> dict[str, EventLicense]:
    """Return the licenses that exist, by key."""
    find = ledger_postgresql.find_licenses if is_postgresql(session) else ledger_sqlite.find_licenses
    return {key: EventLicense(*columns) for key, *columns in find(session.connection(), keys)}


def prepare_rows(
    session: Session, batches: Sequence[Sequence[UsageEvent]], bounds: UsageBounds
) -> tuple[MadeRows, Mapping[str, EventLicense]]:
    """Return the rows of all events, and their licenses. New series and new entities are inserted."""
    names = dict.fromkeys(
        (event.license, event.type, event.entity, event.dimensions) for event in chain.from_iterable(batches)
    )
    licenses = find_licenses(session, {license for license, *_ in names})
    by_id = load_closings(session, [(license.id, license.closings) for license in licenses.values()])
    closings = {key: by_id[license.id] for key, license in licenses.items() if license.id in by_id}
    if closings:
        names |= dict.fromkeys(_names_of_successors(batches, licenses, closings))
    series = find_series(session, names, licenses, bounds)
    return make_rows(batches, licenses, series, closings), licenses


def find_series(
    session: Session,
    names: Collection[SeriesName],
    licenses: Mapping[str, EventLicense],
    bounds: UsageBounds,
) -> dict[SeriesName, int]:
    """Return the number of each series of a license that exists. New series and new entities are inserted, in order.

    All spellings of an entity have the same series. Names with an entity too many for their license are missing, and
    those with a series too many have the number NO_SERIES.
    """
    known = [(name, licenses[name[0]].id) for name in names if name[0] in licenses]
    spelled = dict.fromkeys((license_id, name[2]) for name, license_id in known if name[2])
    entities = name_entities(session, spelled, bounds.entities)
    keys = {
        name: (license_id, name[1], entities[license_id, name[2]] if name[2] else "", name[3])
        for name, license_id in known
        if not name[2] or (license_id, name[2]) in entities
    }
    ids = series_ids(session, set(keys.values()), bounds.series)
    return {name: ids.get(key, NO_SERIES) for name, key in keys.items()}


def make_rows(
    batches: Sequence[Sequence[UsageEvent]],
    licenses: Mapping[str, EventLicense],
    series: Mapping[SeriesName, int],
    closings: Mapping[str, Closings],
) -> MadeRows:
    """Return the rows of all events, each with the day of its time in the license's time zone.

    Usage of a closed entity is that of its successor. The report of a level is not: the successor reports its own.
    """
    rows: dict[EventKey, LedgerRow] = {}
    levels: set[int] = set()
    spending: set[int] = set()
    made: list[BatchRow] = []
    unknown: list[tuple[int, UsageEvent]] = []
    unnamed: list[tuple[int, UsageEvent]] = []
    crowded: list[tuple[int, UsageEvent]] = []
    closed: list[BatchRow] = []
    of_closed: set[EventKey] = set()
    for number, events in enumerate(batches):
        for event in events:
            _, license, source, identifier, name, kind, entity, dimensions, time, _, whole, nanos = event
            found = licenses.get(license)
            if found is None:
                unknown.append((number, event))
                continue
            license_id, time_zone, _ = found
            day = local_day(time_zone, time)
            is_counted = True
            if entity and license in closings and closings[license].knows(entity):
                of_closed.add((license_id, source, identifier))
                successor = closings[license].successor(entity, day)
                is_counted = successor == entity or (successor is not None and kind != "level")
                entity = successor if successor and is_counted else entity
            series_id = series.get((license, name, entity, dimensions))
            if series_id is None:
                unnamed.append((number, event))
                continue
            if series_id == NO_SERIES:
                crowded.append((number, event))
                continue
            if kind == "level":
                levels.add(series_id)
            elif kind == SPENDING:
                spending.add(series_id)
            row = LedgerRow(license_id, source, identifier, series_id, time, day, whole, nanos)
            if not is_counted:
                closed.append((number, event, row))
                continue
            rows.setdefault((license_id, source, identifier), row)
            made.append((number, event, row))
    return MadeRows(rows, levels, spending, made, unknown, unnamed, crowded, closed, of_closed)


def _names_of_successors(
    batches: Sequence[Sequence[UsageEvent]], licenses: Mapping[str, EventLicense], closings: Mapping[str, Closings]
) -> Iterable[SeriesName]:
    """Yield the series to which usage of closed entities goes."""
    for event in chain.from_iterable(batches):
        closed = closings.get(event.license)
        if closed is not None and event.entity and closed.knows(event.entity):
            successor = closed.successor(event.entity, local_day(licenses[event.license].time_zone, event.time))
            if successor is not None:
                yield event.license, event.type, successor, event.dimensions
