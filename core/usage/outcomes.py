"""The outcome of each event after its batch was written: accepted, a duplicate, or rejected."""

from collections import Counter
from collections.abc import Collection, Mapping, Set
from itertools import chain

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.dialect import is_postgresql, parts
from core.text import shown
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.duplicates import SeriesDay, count_duplicates
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.ledger import EventKey, LedgerRow
from core.usage.ledger_rows import MadeRows
from core.usage.record_result import RecordResult
from core.usage.tables import UsageSeries
from core.usage.unknown_licenses import reject_unknown


def record_results(session: Session, batches: int, made: MadeRows, new: Set[EventKey]) -> list[RecordResult]:
    """Return the result of each batch.

    Args:
        session: The session in which the rows were written.
        batches: The number of batches.
        made: The rows of all batches.
        new: The keys of the rows that the ledger did not hold before.
    """
    keys_of_closed = {(row.license_id, row.source, row.id) for _, _, row in made.closed}
    stored = _stored_rows(session, (made.rows.keys() - new) | keys_of_closed)
    forms = _forms_of_series(session, made, stored)
    accepted, duplicates = [0] * batches, [0] * batches
    repeated: Counter[SeriesDay] = Counter()
    rejected: list[list[RejectedEvent]] = [[] for _ in range(batches)]
    unknown: list[dict[int, str]] = [{} for _ in range(batches)]
    for number, event in made.unknown:
        rejected[number].append(reject_unknown(event))
        unknown[number][event.position] = event.license
    for number, event in made.unnamed:
        rejected[number].append(_too_many_entities(event))
    for number, event in made.crowded:
        rejected[number].append(_too_many_series(event))
    for number, event, row in chain(made.events, made.closed):
        key = (row.license_id, row.source, row.id)
        first = stored.get(key) or made.rows.get(key)
        if first is None:
            rejected[number].append(_closed(event))
        elif first is row:
            accepted[number] += 1
        elif _is_same(event, row, first, forms):
            duplicates[number] += 1
            repeated[first.license_id, first.series_id, first.day] += 1
        else:
            rejected[number].append(_conflict(event))
    count_duplicates(session, repeated)
    return [
        RecordResult(
            accepted[number],
            duplicates[number],
            sorted(rejected[number], key=lambda event: event.index),
            unknown[number],
        )
        for number in range(batches)
    ]


def _stored_rows(session: Session, keys: Collection[EventKey]) -> dict[EventKey, LedgerRow]:
    """Read the events that were recorded before."""
    if not keys:
        return {}
    find = ledger_postgresql.find if is_postgresql(session) else ledger_sqlite.find
    return {(row.license_id, row.source, row.id): row for row in find(session.connection(), keys)}


def _forms_of_series(
    session: Session, made: MadeRows, stored: Mapping[EventKey, LedgerRow]
) -> Mapping[int, tuple[str, str]]:
    """Return event type and dimensions of the series of retries that name a closed entity, by series.

    Their first sending may have counted for that entity, or for any that it was merged into.
    """
    retries = [
        (row, stored[key])
        for _, _, row in (chain(made.events, made.closed) if made.of_closed else ())
        for key in [(row.license_id, row.source, row.id)]
        if key in made.of_closed and key in stored
    ]
    wanted = {each.series_id for pair in retries for each in pair}
    columns = col(UsageSeries.id), col(UsageSeries.event), col(UsageSeries.dimensions)
    return {
        series_id: (event, dimensions)
        for part in parts(wanted)
        for series_id, event, dimensions in session.execute(sa.select(*columns).where(col(UsageSeries.id).in_(part)))
    }


def _is_same(event: UsageEvent, row: LedgerRow, first: LedgerRow, forms: Mapping[int, tuple[str, str]]) -> bool:
    """Return whether an event whose key is known is a retry. The time counts only if the sender stated a time."""
    same_time = not event.timed or row.time == first.time
    same_series = row.series_id == first.series_id or (
        row.series_id in forms and forms[row.series_id] == forms.get(first.series_id)
    )
    return same_time and same_series and (row.whole, row.nanos) == (first.whole, first.nanos)


def _conflict(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.position,
        event.id,
        "ID_CONFLICT",
        f"{shown(event.id)} of {shown(event.source)} was recorded before with other content. "
        "Give every event an id of its own, and send a retry unchanged.",
    )


def _closed(event: UsageEvent) -> RejectedEvent:
    what = "Report the level of the entity that took over." if event.kind == "level" else "Name an open entity."
    return RejectedEvent(
        event.position,
        event.id,
        "ENTITY_CLOSED",
        f"The entity {shown(event.entity)} is closed on the day of this event. {what}",
    )


def _too_many_entities(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.position,
        event.id,
        "TOO_MANY_ENTITIES",
        f"The entity {shown(event.entity)} is new, and {shown(event.license)} has as many entities as it may have. "
        "Check what the sender names as entities; an operator can raise ALLOWANCE_MAX_ENTITIES.",
    )


def _too_many_series(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.position,
        event.id,
        "TOO_MANY_SERIES",
        f"The entity and the dimensions are a new combination, and {shown(event.license)} has as many as it may have. "
        "Check what the sender names as dimensions; an operator can raise ALLOWANCE_MAX_SERIES.",
    )
