"""Usage events from a file of CloudEvents, one JSON object a line; with backfill of any age, each file once."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from sqlmodel import Session, col, select, update

from core.database.engine import insert_into
from core.errors import BadInput
from core.runtime import Runtime
from core.text import shown
from core.usage.amount import TotalTooLarge
from core.usage.events import RejectedEvent, Rules, UsageEvent, check_cloudevents
from core.usage.record import Recorded, record
from core.usage.tables import ImportedFile, LateUsage
from core.work.queue import schedule_now

CHUNK_LINES: Final = 5_000
CHUNK_BYTES: Final = 16 * 2**20
LONGEST_LINE: Final = 2**20
SHOWN: Final = 20
"""Rejected lines that are kept to be shown; the others are counted."""

_BOM: Final = b"\xef\xbb\xbf"


class AlreadyImported(BadInput):
    """A file with the same content was brought in by backfill before."""

    code = "ALREADY_IMPORTED"


class RejectedLine(NamedTuple):
    """A line that was not taken, counted from 1."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class ImportedEvents:
    """What became of the lines of a file; `resumed_after` are those that an interrupted import had done."""

    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejected: list[RejectedLine] = field(default_factory=list)
    resumed_after: int = 0

    def add(self, recorded: Recorded, rejected: list[RejectedLine]) -> None:
        self.accepted += recorded.accepted
        self.duplicates += recorded.duplicates
        self.rejected.update(one.code for one in rejected)
        self.first_rejected += sorted(rejected)[: SHOWN - len(self.first_rejected)]


@dataclass(slots=True)
class _Chunk:
    """Some lines of the file: up to line `last`, which ends at byte `end`."""

    last: int
    end: int = 0
    messages: list[tuple[int, object]] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)


def import_events(
    runtime: Runtime, path: Path, *, backfill: bool, progress: Callable[[int, int], None] = lambda done, total: None
) -> ImportedEvents:
    """Record the events of a file, some thousand in a transaction.

    Without `backfill` the same rules hold as for events that are sent. With it events may be of any age,
    and each file is taken once, known by its content; one that was interrupted goes on where it stopped.
    `progress` is told how many bytes are done, of how many.

    Raises :class:`AlreadyImported`, and :class:`core.usage.amount.TotalTooLarge` where quantities add up to
    more than can be counted, in which case the lines before those are recorded.
    """
    imported = ImportedEvents()
    with path.open("rb") as file:
        once = _Once(runtime, file, path.name) if backfill else None
        # As far as the digest says, also if somebody writes on at the file.
        size = file.tell() if once else file.seek(0, os.SEEK_END)
        file.seek(0)
        done = imported.resumed_after = once.lines if once else 0
        for chunk in _chunks(file, size, done):
            recorded, rejected = _record(runtime, chunk, once)
            imported.add(recorded, rejected)
            progress(chunk.end, size)
    if once:
        once.finish()
    return imported


class _Once:
    """The memory of a file that is taken once: how many of its lines are done."""

    def __init__(self, runtime: Runtime, file: BufferedReader, name: str) -> None:
        self._database = runtime.database
        self._digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._database.write() as session:
            row = {"digest": self._digest, "name": name, "lines": 0, "started_at": datetime.now(UTC)}
            session.execute(insert_into(session, ImportedFile).values(row).on_conflict_do_nothing())
            known = session.exec(select(ImportedFile).where(ImportedFile.digest == self._digest)).one()
            if known.finished_at:
                raise AlreadyImported(
                    f"{name} was imported as {shown(known.name)} on {known.finished_at:%Y-%m-%d at %H:%M} UTC. "
                    "A file is brought in once; put events that are new into a file of their own."
                )
            self.lines = known.lines

    def advance(self, session: Session, lines: int) -> None:
        """Say in the transaction that records them that lines are done."""
        advanced = session.exec(
            update(ImportedFile)
            .where(col(ImportedFile.digest) == self._digest, col(ImportedFile.lines) == self.lines)
            .values(lines=lines)
        )
        if advanced.rowcount != 1:
            raise BadInput("Another process is importing this file. Wait for it, or stop it and start again.")
        self.lines = lines

    def finish(self) -> None:
        """The file is done; the licenses whose past it changed are measured again soon."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            session.exec(update(ImportedFile).where(col(ImportedFile.digest) == self._digest).values(finished_at=now))
            for license_id in session.exec(select(LateUsage.license_id).order_by(col(LateUsage.license_id))).all():
                schedule_now(session, license_id, now)


def _record(runtime: Runtime, chunk: _Chunk, once: _Once | None) -> tuple[Recorded, list[RejectedLine]]:
    now = datetime.now(UTC)
    rules = Rules(
        event_types=runtime.registry.event_types,
        now=now,
        window=None if once else runtime.settings.dedup_window,
        tolerance=runtime.settings.future_tolerance,
        may_write=lambda _: True,
    )
    events, rejected = check_cloudevents((message for _, message in chunk.messages), rules)
    recorded = _commit(runtime, events, now, chunk, once)
    lines = [line for line, _ in chunk.messages]
    return recorded, chunk.rejected + [_at_line(lines, one) for one in (*rejected, *recorded.rejected)]


def _commit(runtime: Runtime, events: list[UsageEvent], now: datetime, chunk: _Chunk, once: _Once | None) -> Recorded:
    try:
        with runtime.database.write() as session:
            if once:
                once.advance(session, chunk.last)
            return record(session, events, now)
    except TotalTooLarge:
        raise TotalTooLarge(
            f"A day's total would pass 4.6e18 in one of the {CHUNK_LINES} lines up to line {chunk.last}. Nothing of "
            "them and of what follows was recorded; check the quantities."
        ) from None


def _at_line(lines: list[int], rejected: RejectedEvent) -> RejectedLine:
    return RejectedLine(lines[rejected.index], rejected.code, rejected.message)


def _chunks(file: BufferedReader, size: int, done: int) -> Iterator[_Chunk]:
    """The lines after the first `done`, in chunks. A blank one says nothing."""
    chunk, taken = _Chunk(done), 0
    for number, line in enumerate(_lines(file, size), 1):
        if number <= done:
            continue
        chunk.last, chunk.end = number, file.tell()
        if len(line) > LONGEST_LINE:
            message = f"The line has more than {LONGEST_LINE // 2**20} MiB; an event is one JSON object on one line."
            chunk.rejected.append(RejectedLine(number, "TOO_LARGE", message))
        elif content := line.rstrip():
            try:
                chunk.messages.append((number, orjson.loads(content)))
            except orjson.JSONDecodeError as error:
                message = f"The line is not JSON: {error.msg}, at column {error.colno}."
                chunk.rejected.append(RejectedLine(number, "BAD_JSON", message))
        taken += len(line)
        if number % CHUNK_LINES == 0 or taken > CHUNK_BYTES:
            yield chunk
            chunk, taken = _Chunk(number), 0
    if chunk.end:
        yield chunk


def _lines(file: BufferedReader, size: int) -> Iterator[bytes]:
    """The lines of the first `size` bytes; of one that is too long, no more than shows that it is."""
    if file.read(len(_BOM)) != _BOM:
        file.seek(0)
    while line := file.readline(min(LONGEST_LINE + 1, size - file.tell())):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(min(LONGEST_LINE + 1, size - file.tell()))
        yield line
