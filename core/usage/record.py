"""The recording of checked events: ledger and rollups in one transaction, each event once."""

import os
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from core.database.dialect import is_postgresql
from core.times import microseconds
from core.usage import ledger_postgresql, ledger_sqlite
from core.usage.amount import LARGEST_TOTAL, TotalTooLarge
from core.usage.bounds import DEFAULT_BOUNDS, UsageBounds
from core.usage.days import local_day
from core.usage.events import UsageEvent
from core.usage.ledger import Batch, EventKey
from core.usage.ledger_rows import prepare_rows
from core.usage.outcomes import record_results
from core.usage.record_result import RecordResult
from core.usage.unknown_licenses import suggest_licenses

SHARDS: Final = 16


def record(
    session: Session,
    events: Sequence[UsageEvent],
    now: datetime,
    *,
    permanent_before: datetime | None = None,
    bounds: UsageBounds = DEFAULT_BOUNDS,
) -> RecordResult:
    """Write events to the ledger and the rollups. The caller commits before it acknowledges the events.

    A known (license, source, id) with the same content is a duplicate; with other content it is rejected as a conflict.
    The number of statements does not depend on the number of events.

    Args:
        session: A session for writing.
        events: The events.
        now: The time of arrival.
        permanent_before: In a backfill, the time before which an event is kept for ever, so that it never counts twice.
            No sender may send an event of that age at the same time.
        bounds: The numbers of entities and series of a license from which on events of new ones are rejected.

    Raises:
        TotalTooLarge: The sums could not stay exact. Nothing was written.
    """
    recorded = record_together(session, [events], now, permanent_before, bounds)
    [result] = suggest_licenses(session, recorded)
    return result


def record_together(
    session: Session,
    batches: Sequence[Sequence[UsageEvent]],
    now: datetime,
    permanent_before: datetime | None = None,
    bounds: UsageBounds = DEFAULT_BOUNDS,
) -> list[RecordResult]:
    """Write the batches of several senders, as :func:`record` does for one.

    Returns:
        A result for each batch, in their order. Unknown licenses have no suggestions, see :func:`suggest_licenses`.

    Raises:
        TotalTooLarge: The sums could not stay exact. Nothing was written.
    """
    made, licenses = prepare_rows(session, batches, bounds)
    today = {license.id: local_day(license.time_zone, microseconds(now)) for license in licenses.values()}
    permanent = None if permanent_before is None else microseconds(permanent_before)
    rows = list(made.rows.values())
    batch = Batch(rows, made.levels, made.spending, microseconds(now), today, os.getpid() % SHARDS, permanent)
    new = _write(session, made.rows.keys(), batch) if rows else set()
    return record_results(session, len(batches), made, new)


def _write(session: Session, keys: Set[EventKey], batch: Batch) -> Set[EventKey]:
    """Write the rows that the ledger does not hold yet, and add them to the rollups. Return their keys."""
    if sum(row.whole for row in batch.rows) > LARGEST_TOTAL:
        raise TotalTooLarge
    write = ledger_postgresql.write if is_postgresql(session) else ledger_sqlite.write
    try:
        new = write(session.connection(), batch)
    except IntegrityError as error:
        if "usage_sum_in_range" not in str(error.orig):
            raise
        raise TotalTooLarge from None
    return keys if new is None else new
