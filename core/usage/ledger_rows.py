"""The rows of the ledger for checked events."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sqlmodel import Session

from core.database.dialect import is_postgresql
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.days import local_day
from core.usage.entities import MOST_ENTITIES, name_entities
from core.usage.events import SPENDING, UsageEvent
from core.usage.ledger import EventKey, LedgerRow
from core.usage.series import series_ids

LicenseZone: TypeAlias = tuple[int, str]
"""A license's id and its time zone."""
SeriesName: TypeAlias = tuple[str, str, str, str]
"""A series as events name it: license key, type, entity, dimensions."""
BatchRow: TypeAlias = tuple[int, UsageEvent, LedgerRow]
"""The number of a batch, an event of it, and the event's row. A plain tuple: there is one for every event."""


class MadeRows(NamedTuple):
    """The rows of several batches.

    `rows` holds the first row of each event key, `levels` the series that are levels, `spending` those that spend
    credits, `events` all events with their rows. `unknown` are events whose license does not exist, and `unnamed`
    events of entities that are too many for their license, with the number of their batch.
    """

    rows: Mapping[EventKey, LedgerRow]
    levels: set[int]
    spending: set[int]
    events: Sequence[BatchRow]
    unknown: Sequence[tuple[int, UsageEvent]]
    unnamed: Sequence[tuple[int, UsageEvent]]


def find_licenses(session: Session, keys: Collection[str]) -> dict[str, LicenseZone]:
    """Return id and time zone of the licenses that exist, by key."""
    find = ledger_postgresql.find_licenses if is_postgresql(session) else ledger_sqlite.find_licenses
    return {key: (license_id, time_zone) for key, license_id, time_zone in find(session.connection(), keys)}


def find_series(
    session: Session,
    names: Collection[SeriesName],
    licenses: Mapping[str, LicenseZone],
    most_entities: int = MOST_ENTITIES,
) -> dict[SeriesName, int]:
    """Return the number of each series of a license that exists. New series and new entities are inserted, in order.

    All spellings of an entity have the same series. Names with an entity too many for their license are missing.
    """
    known = [(name, licenses[name[0]][0]) for name in names if name[0] in licenses]
    spelled = dict.fromkeys((license_id, name[2]) for name, license_id in known if name[2])
    entities = name_entities(session, spelled, most_entities)
    keys = {
        name: (license_id, name[1], entities[license_id, name[2]] if name[2] else "", name[3])
        for name, license_id in known
        if not name[2] or (license_id, name[2]) in entities
    }
    ids = series_ids(session, set(keys.values()))
    return {name: ids[key] for name, key in keys.items()}


def make_rows(
    batches: Sequence[Sequence[UsageEvent]],
    licenses: Mapping[str, LicenseZone],
    series: Mapping[SeriesName, int],
) -> MadeRows:
    """Return the rows of all events, each with the day of its time in the license's time zone."""
    rows: dict[EventKey, LedgerRow] = {}
    levels: set[int] = set()
    spending: set[int] = set()
    made: list[BatchRow] = []
    unknown: list[tuple[int, UsageEvent]] = []
    unnamed: list[tuple[int, UsageEvent]] = []
    for number, events in enumerate(batches):
        for event in events:
            _, license, source, identifier, name, kind, entity, dimensions, time, _, whole, nanos = event
            license_zone = licenses.get(license)
            if license_zone is None:
                unknown.append((number, event))
                continue
            license_id, time_zone = license_zone
            series_id = series.get((license, name, entity, dimensions))
            if series_id is None:
                unnamed.append((number, event))
                continue
            if kind == "level":
                levels.add(series_id)
            elif kind == SPENDING:
                spending.add(series_id)
            day = local_day(time_zone, time)
            row = LedgerRow(license_id, source, identifier, series_id, time, day, whole, nanos)
            rows.setdefault((license_id, source, identifier), row)
            made.append((number, event, row))
    return MadeRows(rows, levels, spending, made, unknown, unnamed)
