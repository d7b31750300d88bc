"""The progress of an import, stored so that an interrupted import can continue."""

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
    """A file with the same content was imported with backfill before."""

    code = "ALREADY_IMPORTED"


class RejectedRow(NamedTuple):
    """A rejected row. `line` is its line in the file, or its row in Parquet, from 1."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class ImportedEvents:
    """The outcome of an import.

    `rejected` counts rejected rows by code; they are in the file `rejected_path`. If the import was interrupted,
    `resumed_after` lines were done then, and `first_rejected` are rows after them.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_path: Path | None = None
    first_rejected: list[RejectedRow] = field(default_factory=list)
    resumed_after: int = 0


class ImportProgress:
    """The progress of the import of a file, stored by the digest of its content and by its mode."""

    def __init__(self, database: Database, digest: str, name: str, *, backfill: bool) -> None:
        """Begin an import, or continue it where it was interrupted.

        Args:
            database: The database.
            digest: The digest of the file's content.
            name: The name of the file.
            backfill: Whether events may be of any age.

        Raises:
            AlreadyImported: The file was imported with backfill before.
        """
        self._database = database
        self.backfill = backfill
        self._of_file = (col(ImportedFile.digest) == digest, col(ImportedFile.backfill) == backfill)
        new = ImportedFile(digest=digest, backfill=backfill, name=name, started_at=datetime.now(UTC)).model_dump()
        with database.write() as session:
            session.execute(insert_into(session, ImportedFile).values(new).on_conflict_do_nothing())
            stored = session.get_one(ImportedFile, (digest, backfill), with_for_update=True)
            if stored.finished_at:
                if backfill:
                    raise AlreadyImported(
                        f"{name} was imported as {shown(stored.name)} on {stored.finished_at:%Y-%m-%d at %H:%M} UTC. "
                        "A file is imported once; put new events into a file of their own."
                    )
                stored.sqlmodel_update(new)
                session.add(stored)
        self.lines = stored.lines
        self.rejected_size = stored.rejected_size
        self.imported = ImportedEvents(
            stored.accepted,
            stored.duplicates,
            Counter(stored.rejected),
            Path(stored.rejected_path) if stored.rejected_path else None,
            resumed_after=stored.lines,
        )

    def advance(self, session: Session, lines: int) -> None:
        """Store that lines are done, in the transaction that records their events.

        Raises:
            BadInput: Another process imports the same file.
        """
        progress = {
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
        advanced = session.exec(update(ImportedFile).where(*self._of_file, *unfinished).values(progress))
        if advanced.rowcount != 1:
            raise BadInput("Another process is importing this file. Wait for it, or stop it and start again.")
        self.lines = lines

    def finish(self, session: Session) -> None:
        """Store that the import is done."""
        session.exec(update(ImportedFile).where(*self._of_file).values(finished_at=datetime.now(UTC)))
