"""The file that rejected rows are written to."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from core.errors import BadInput
from core.text import shown
from core.usage.files.rows import EventFile, Row, RowProblem


class CannotKeepRejected(BadInput):
    """The file for rejected rows is there already, or there is no writing beside the file."""

    code = "CANNOT_KEEP_REJECTED"


class RejectedRows:
    """Rejected rows, each with its number, code and message, as a file that can be corrected and imported.

    It is made for the first of them. Its first `size` bytes count, whatever else an interrupted import has left
    there. Raises :class:`CannotKeepRejected`.
    """

    def __init__(self, file: EventFile, path: Path, size: int) -> None:
        self._file = file
        self.path = path
        self.size = size
        if not os.access(path.parent, os.W_OK):
            raise CannotKeepRejected(
                f"{shown(path.parent)} cannot be written. Say with --rejected in which file to keep rejected rows."
            )

    def write(self, rows: Sequence[tuple[Row, RowProblem]]) -> None:
        """Add rows so that they are there also after a power cut."""
        data = b"".join(self._file.rejected(row, problem) for row, problem in rows)
        if not self.size:
            data = self._file.rejected_head() + data
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.truncate(self.size)
            out.seek(self.size)
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        self.size += len(data)


def place_for(file: Path, suffix: str) -> Path:
    """Where rejected rows of a file go: beside it, into a file that is not there yet."""
    name = Path(file.name.removesuffix(".gz")).stem
    places = (
        file.absolute().with_name(f"{name}.rejected{f'-{number}' if number > 1 else ''}{suffix}") for number in count(1)
    )
    return next(place for place in places if not place.exists())
