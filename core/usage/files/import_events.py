"""The import of usage events from a file, some thousand in a transaction.

An import that was interrupted continues where it was: each transaction stores its lines as done.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlmodel import Session, col, select

from core.database.engine import Database
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.settings import Settings
from core.usage.amount import TotalTooLarge
from core.usage.bounds import usage_bounds
from core.usage.dropped_days import DroppedDays
from core.usage.events import EventRules, RejectedEvent, UsageEvent
from core.usage.files.import_progress import ImportedEvents, ImportProgress, RejectedRow
from core.usage.files.open_events import open_events
from core.usage.files.rejected import CannotKeepRejected, RejectedRows, new_rejected_path
from core.usage.files.rows import BadFile, EventFile, Row, RowProblem
from core.usage.record import record
from core.usage.record_result import RecordResult
from core.usage.tables import LateUsage

CHUNK_ROWS: Final = 5_000
"""The most rows of a transaction."""
CHUNK_BYTES: Final = 16 * 2**20
"""About the most bytes of the rows of a transaction."""
SHOWN: Final = 20
"""Rejected rows in the outcome. All rejected rows are written to a file."""

Progress = Callable[[int, int], None]
"""Receives the part of the file that is done, and the whole, in the same unit."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The rows of a transaction, up to line `last` of the file: checked events, and rejected rows.

    The position of an event is its index in `readable`.
    """

    rows: int
    last: int
    progress: tuple[int, int]
    now: datetime
    readable: Sequence[Row]
    events: Sequence[UsageEvent]
    rejected: Sequence[tuple[Row, RowProblem]]


def import_events(
    database: Database,
    registry: Registry,
    settings: Settings,
    path: Path,
    *,
    backfill: bool,
    rejected: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> ImportedEvents:
    """Record the events of a file: JSON, NDJSON or CSV, plain or compressed by gzip, or Parquet.

    Args:
        database: The database.
        registry: The installed plugins, for the known event types.
        settings: The settings, for the limits of an event's time.
        path: The file.
        backfill: Events may be of any age, and each file, known by its content, is imported once. Otherwise the rules
            of sent events hold.
        rejected: The file for rejected rows; None for a new file beside the imported file.
        progress: Receives the progress after each transaction.

    Returns:
        The outcome since the import of this file began.

    Raises:
        BadFile: The file cannot be read, or not to its end.
        core.usage.files.rows.BadColumns: The columns are not those of events.
        core.usage.files.parquet.NoParquet: The reader of Parquet is not installed.
        core.usage.files.import_progress.AlreadyImported: The file was imported with backfill before.
        CannotKeepRejected: The file for rejected rows cannot be written.
        TotalTooLarge: Quantities add up to more than can be counted. The transactions before are recorded.
    """
    with path.open("rb", buffering=0) as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
        # The bytes of the digest, even if another process appends to the file.
        file = open_events(raw, path.name, raw.tell())
        done = ImportProgress(database, digest, path.name, backfill=backfill)
        rows = _rejected_rows(file, path, rejected and rejected.absolute(), done)
        dropped_days = DroppedDays(digest, path.name, usage_bounds(settings)) if backfill else None
        for chunk in _read_ahead(_chunks(file, done.lines, registry, settings, backfill=backfill)):
            _record(database, chunk, done, rows, settings, dropped_days)
            progress(*chunk.progress)
    _finish(database, done)
    return done.imported


def _rejected_rows(file: EventFile, path: Path, wanted: Path | None, done: ImportProgress) -> RejectedRows:
    """Open the file for rejected rows that an interrupted import has begun, or a new one."""
    begun = done.imported.rejected_path
    if begun and wanted in (None, begun) and begun.exists() and begun.stat().st_size >= done.rejected_size:
        return RejectedRows(file, begun, done.rejected_size)
    if wanted and wanted.exists():
        raise CannotKeepRejected(f"{wanted} is there already. Import it or remove it, or give another --rejected.")
    return RejectedRows(file, wanted or new_rejected_path(path, file.rejected_suffix), 0)


def _read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items. The next item is made in a thread while the caller uses one."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _chunks(file: EventFile, done: int, registry: Registry, settings: Settings, *, backfill: bool) -> Iterator[_Chunk]:
    """Yield the rows after line `done` in chunks, checked."""
    for rows in _split(file.rows(done)):
        now = datetime.now(UTC)
        rules = EventRules(
            event_types=registry.event_types,
            now=now,
            window=None if backfill else settings.dedup_window,
            tolerance=settings.future_tolerance,
            may_write=lambda _: True,
        )
        readable = [row for row in rows if not isinstance(row.event, RowProblem)]
        events, refused = file.check((row.event for row in readable), rules)
        rejected = [(row, row.event) for row in rows if isinstance(row.event, RowProblem)]
        rejected += [_row_problem(readable, event) for event in refused]
        yield _Chunk(len(rows), file.read, file.progress(), now, readable, events, rejected)


def _split(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each transaction. If the file is damaged, the rows before the damage come first."""
    rows_together: list[Row] = []
    size = 0
    try:
        for row in rows:
            rows_together.append(row)
            size += row.size
            if len(rows_together) == CHUNK_ROWS or size > CHUNK_BYTES:
                yield rows_together
                rows_together, size = [], 0
    except BadFile:
        yield rows_together
        raise
    yield rows_together


def _record(
    database: Database,
    chunk: _Chunk,
    done: ImportProgress,
    rejected_rows: RejectedRows,
    settings: Settings,
    dropped_days: DroppedDays | None,
) -> None:
    """Record the events, and store that the rows are done, in one transaction."""
    imported = done.imported
    try:
        with database.write() as session:
            if dropped_days is None:
                recorded = record(session, chunk.events, chunk.now, bounds=usage_bounds(settings))
            else:
                recorded = _backfill(session, chunk, settings, dropped_days)
            rejected = [*chunk.rejected, *(_row_problem(chunk.readable, event) for event in recorded.rejected)]
            if rejected:
                rejected.sort(key=lambda item: item[0].number)
                rejected_rows.write(rejected)
                imported.rejected_path, done.rejected_size = rejected_rows.path, rejected_rows.size
                imported.rejected.update(problem.code for _, problem in rejected)
                shown = rejected[: SHOWN - len(imported.first_rejected)]
                imported.first_rejected += [RejectedRow(row.number, *problem) for row, problem in shown]
            imported.accepted += recorded.accepted
            imported.duplicates += recorded.duplicates
            done.advance(session, chunk.last)
    except TotalTooLarge:
        raise TotalTooLarge(
            f"A day's total would pass 4.6e18 in one of the {chunk.rows:,} lines up to line {chunk.last:,}. Neither "
            "they nor the lines after them were recorded; check the quantities."
        ) from None


def _backfill(session: Session, chunk: _Chunk, settings: Settings, dropped_days: DroppedDays) -> RecordResult:
    """Record events of any age. Events that nobody may send any more are kept for ever."""
    refused = dropped_days.reject(session, chunk.events)
    positions = {event.index for event in refused}
    events = [event for event in chunk.events if event.position not in positions]
    permanent_before = chunk.now - settings.dedup_window - timedelta(days=1)
    recorded = record(session, events, chunk.now, permanent_before=permanent_before, bounds=usage_bounds(settings))
    return recorded.with_rejected(refused)


def _row_problem(rows: Sequence[Row], rejected: RejectedEvent) -> tuple[Row, RowProblem]:
    return rows[rejected.index], RowProblem(rejected.code, rejected.message)


def _finish(database: Database, done: ImportProgress) -> None:
    """Finish the import, and refresh the licenses whose past a backfill changed."""
    now = datetime.now(UTC)
    with database.write() as session:
        done.finish(session)
        if done.backfill:
            for license_id in session.exec(select(LateUsage.license_id).order_by(col(LateUsage.license_id))).all():
                schedule_now(session, license_id, now)
