"""The outcome of each event after its batch was written: accepted, a duplicate, or rejected."""

from collections.abc import Collection, Set

import sqlalchemy as sa
from sqlmodel import Session, col

from core.database.dialect import parts
from core.text import shown
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.ledger import EventKey, LedgerRow
from core.usage.ledger_rows import MadeRows
from core.usage.record_result import RecordResult
from core.usage.tables import LedgerEvent
from core.usage.unknown_licenses import reject_unknown


def record_results(session: Session, batches: int, made: MadeRows, new: Set[EventKey]) -> list[RecordResult]:
    """Return the result of each batch.

    Args:
        session: The session in which the rows were written.
        batches: The number of batches.
        made: The rows of all batches.
        new: The keys of the rows that the ledger did not hold before.
    """
    stored = _stored_rows(session, made.rows.keys() - new)
    accepted, duplicates = [0] * batches, [0] * batches
    rejected: list[list[RejectedEvent]] = [[] for _ in range(batches)]
    unknown: list[dict[int, str]] = [{} for _ in range(batches)]
    for number, event in made.unknown:
        rejected[number].append(reject_unknown(event))
        unknown[number][event.position] = event.license
    for number, event in made.unnamed:
        rejected[number].append(_too_many_entities(event))
    for number, event, row in made.events:
        key = (row.license_id, row.source, row.id)
        first = stored.get(key) or made.rows[key]
        if first is row:
            accepted[number] += 1
        elif _is_same(event, row, first):
            duplicates[number] += 1
        else:
            rejected[number].append(_conflict(event))
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
    """Read the events that were recorded before. Their `day` is not read: it is 0."""
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


def _is_same(event: UsageEvent, row: LedgerRow, first: LedgerRow) -> bool:
    """Return whether an event whose key is known is a retry. The time counts only if the sender stated a time."""
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


def _too_many_entities(event: UsageEvent) -> RejectedEvent:
    return RejectedEvent(
        event.position,
        event.id,
        "TOO_MANY_ENTITIES",
        f"The entity {shown(event.entity)} is new, and {shown(event.license)} has as many entities as it may have. "
        "Check what the sender names as entities; an operator can raise ALLOWANCE_MAX_ENTITIES.",
    )
