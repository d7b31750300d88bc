"""What is remembered of a file while it is imported, and of one that is done."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, update

from core.database.dialect import insert_into
from core.database.engine import Database
from core.errors import BadInput
from core.text import shown
from core.usage.tables import ImportedFile


class AlreadyImported(BadInput):
    """A file with the same content was brought in by backfill before."""

    code = "ALREADY_IMPORTED"


class RejectedRow(NamedTuple):
    """A row that was not taken, by its line in the file, or in Parquet its row, counted from 1."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class ImportedEvents:
    """What became of a file since its import began; `resumed_after` lines were done when it was interrupted.

    `rejected` counts by code, and `rejected_path` is where those rows are; `first_rejected` are those since the
    interruption.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_path: Path | None = None
    first_rejected: list[RejectedRow] = field(default_factory=list)
    resumed_after: int = 0


class ImportProgress:
    """How far the import of a file is, which is known by the digest of its content and by its mode.

    It begins anew, or goes on where it was interrupted. With `backfill` a file is taken once: raises
    :class:`AlreadyImported`.
    """

    def __init__(self, database: Database, digest: str, name: str, *, backfill: bool) -> None:
        self._database = database
        self.backfill = backfill
        self._this = (col(ImportedFile.digest) == digest, col(ImportedFile.backfill) == backfill)
        new = ImportedFile(digest=digest, backfill=backfill, name=name, started_at=datetime.now(UTC)).model_dump()
        with database.write() as session:
            session.execute(insert_into(session, ImportedFile).values(new).on_conflict_do_nothing())
            known = session.get_one(ImportedFile, (digest, backfill), with_for_update=True)
            if known.finished_at:
                if backfill:
                    raise AlreadyImported(
                        f"{name} was imported as {shown(known.name)} on {known.finished_at:%Y-%m-%d at %H:%M} UTC. "
                        "A file is brought in once; put events that are new into a file of their own."
                    )
                known.sqlmodel_update(new)
                session.add(known)
        self.lines = known.lines
        self.rejected_size = known.rejected_size
        self.imported = ImportedEvents(
            known.accepted,
            known.duplicates,
            Counter(known.rejected),
            Path(known.rejected_path) if known.rejected_path else None,
            resumed_after=known.lines,
        )

    def advance(self, session: Session, lines: int) -> None:
        """Say in the transaction that records them that lines are done, and what is known by now."""
        said = {
            "lines": lines,
            "accepted": self.imported.accepted,
            "duplicates": self.imported.duplicates,
            "rejected": dict(self.imported.rejected),
            "rejected_path": str(self.imported.rejected_path) if self.imported.rejected_path else None,
            "rejected_size": self.rejected_size,
        }
        unfinished: list[ColumnElement[bool]] = [
            col(ImportedFile.lines) == self.lines,
            col(ImportedFile.finished_at).is_(None),
        ]
        advanced = session.exec(update(ImportedFile).where(*self._this, *unfinished).values(said))
        if advanced.rowcount != 1:
            raise BadInput("Another process is importing this file. Wait for it, or stop it and start again.")
        self.lines = lines

    def finish(self, session: Session) -> None:
        session.exec(update(ImportedFile).where(*self._this).values(finished_at=datetime.now(UTC)))
