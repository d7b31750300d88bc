"""Usage events from a file, some thousand in a transaction; an import that was stopped goes on where it was."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final, TypeVar

from sqlmodel import col, select

from core.database.engine import Database
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.settings import Settings
from core.usage.amount import TotalTooLarge
from core.usage.events import EventRules, RejectedEvent, UsageEvent
from core.usage.files.csv_rows import CsvFile
from core.usage.files.import_progress import ImportedEvents, ImportProgress, RejectedRow
from core.usage.files.lines import GZIP, Lines
from core.usage.files.ndjson import NdjsonFile
from core.usage.files.parquet import MAGIC, ParquetFile
from core.usage.files.rejected import CannotKeepRejected, RejectedRows, place_for
from core.usage.files.rows import BadFile, EventFile, Row, RowProblem
from core.usage.record import record
from core.usage.tables import LateUsage

CHUNK_ROWS: Final = 5_000
CHUNK_BYTES: Final = 16 * 2**20
SHOWN: Final = 20
"""Rejected rows that are kept to be shown; all are written to a file."""

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some rows, up to line `last` of the file: events, and rows that hold none."""

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
    """Record the events of a file: NDJSON or CSV, plain or compressed by gzip, or Parquet.

    Without `backfill` the same rules hold as for events that are sent. With it events may be of any age, and
    each file is taken once, known by its content. Rows that are not taken are written to the file `rejected`,
    or else to one beside the file. `progress` is told how much is done, of how much.

    Raises :class:`BadFile`, :class:`core.usage.files.rows.BadColumns`,
    :class:`core.usage.files.parquet.NoParquet`, :class:`core.usage.files.import_progress.AlreadyImported`,
    :class:`CannotKeepRejected`, and :class:`core.usage.amount.TotalTooLarge` where quantities add up to more
    than can be counted. What was read before is recorded.
    """
    with path.open("rb", buffering=0) as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
        # As far as the digest says, also if somebody writes on at the file.
        file = open_events(raw, path.name, raw.tell())
        memory = ImportProgress(database, digest, path.name, backfill=backfill)
        rows = _rejected_rows(file, path, rejected and rejected.absolute(), memory)
        for chunk in _ahead(_chunks(file, memory.lines, registry, settings, backfill=backfill)):
            _record(database, chunk, memory, rows)
            progress(*chunk.progress)
    _finish(database, memory)
    return memory.imported


def open_events(raw: FileIO, name: str, size: int) -> EventFile:
    """The first `size` bytes of a file as rows; its name tells CSV from NDJSON. Raises what its format does."""
    raw.seek(0)
    start = raw.read(len(MAGIC))
    raw.seek(0)
    compressed = start.startswith(GZIP)
    suffix = Path(name.removesuffix(".gz") if compressed else name).suffix.lower()
    if suffix == ".parquet" and compressed:
        raise BadFile("A Parquet file is compressed inside. Unpack it with gunzip, and import what comes out.")
    if suffix == ".parquet" or start == MAGIC:
        return ParquetFile(raw)
    lines = Lines(raw, size, compressed=compressed)
    return CsvFile(lines) if suffix in (".csv", ".tsv") else NdjsonFile(lines)


def _rejected_rows(file: EventFile, path: Path, wanted: Path | None, memory: ImportProgress) -> RejectedRows:
    """The file for rejected rows that an interrupted import has begun, or a new one."""
    known = memory.imported.rejected_path
    if known and wanted in (None, known) and known.exists() and known.stat().st_size >= memory.rejected_size:
        return RejectedRows(file, known, memory.rejected_size)
    if wanted and wanted.exists():
        raise CannotKeepRejected(f"{wanted} is there already. Import it or remove it, or give another --rejected.")
    return RejectedRows(file, wanted or place_for(path, file.rejected_suffix), 0)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, of which one is made while the one before is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _chunks(file: EventFile, done: int, registry: Registry, settings: Settings, *, backfill: bool) -> Iterator[_Chunk]:
    """The rows after the first `done`, checked, in chunks."""
    for rows in _parts(file.rows(done)):
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
        rejected += [_at(readable, one) for one in refused]
        yield _Chunk(len(rows), file.read, file.progress(), now, readable, events, rejected)


def _parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows for one transaction each; also those before the place from which on the file is damaged."""
    part: list[Row] = []
    size = 0
    try:
        for row in rows:
            part.append(row)
            size += row.size
            if len(part) == CHUNK_ROWS or size > CHUNK_BYTES:
                yield part
                part, size = [], 0
    except BadFile:
        yield part
        raise
    yield part


def _record(database: Database, chunk: _Chunk, memory: ImportProgress, rejected_rows: RejectedRows) -> None:
    """Record the events, and remember that the rows are done, in one transaction."""
    imported = memory.imported
    try:
        with database.write() as session:
            recorded = record(session, chunk.events, chunk.now)
            rejected = [*chunk.rejected, *(_at(chunk.readable, one) for one in recorded.rejected)]
            if rejected:
                rejected.sort(key=lambda one: one[0].number)
                rejected_rows.write(rejected)
                imported.rejected_path, memory.rejected_size = rejected_rows.path, rejected_rows.size
                imported.rejected.update(problem.code for _, problem in rejected)
                shown = rejected[: SHOWN - len(imported.first_rejected)]
                imported.first_rejected += [RejectedRow(row.number, *problem) for row, problem in shown]
            imported.accepted += recorded.accepted
            imported.duplicates += recorded.duplicates
            memory.advance(session, chunk.last)
    except TotalTooLarge:
        raise TotalTooLarge(
            f"A day's total would pass 4.6e18 in one of the {chunk.rows:,} lines up to line {chunk.last:,}. Nothing "
            "of them and of what follows was recorded; check the quantities."
        ) from None


def _at(rows: Sequence[Row], rejected: RejectedEvent) -> tuple[Row, RowProblem]:
    return rows[rejected.index], RowProblem(rejected.code, rejected.message)


def _finish(database: Database, memory: ImportProgress) -> None:
    """The file is done; the licenses whose past a backfill changed are measured again soon."""
    now = datetime.now(UTC)
    with database.write() as session:
        memory.finish(session)
        if memory.backfill:
            for license_id in session.exec(select(LateUsage.license_id).order_by(col(LateUsage.license_id))).all():
                schedule_now(session, license_id, now)
