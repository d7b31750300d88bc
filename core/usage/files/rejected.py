"""The file of rejected rows."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from core.errors import BadInput
from core.text import shown
from core.usage.files.rows import EventFile, Row, RowProblem


class CannotKeepRejected(BadInput):
    """The file for rejected rows exists already, or cannot be written beside the imported file."""

    code = "CANNOT_KEEP_REJECTED"


class RejectedRows:
    """A file of rejected rows, each with its number, code and message. It can be corrected and imported.

    The file is made with the first rejected row.
    """

    def __init__(self, file: EventFile, path: Path, size: int) -> None:
        """Prepare the file.

        Args:
            file: The imported file, for the format of rows.
            path: The path of the file of rejected rows.
            size: The bytes that count. What an interrupted import has written behind them is overwritten.

        Raises:
            CannotKeepRejected: The folder cannot be written.
        """
        self._file = file
        self.path = path
        self.size = size
        if not os.access(path.parent, os.W_OK):
            raise CannotKeepRejected(
                f"{shown(path.parent)} cannot be written. Say with --rejected in which file to keep rejected rows."
            )

    def write(self, rows: Sequence[tuple[Row, RowProblem]]) -> None:
        """Append rows, and wait until they are on disk."""
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


def new_rejected_path(file: Path, suffix: str) -> Path:
    """Return a path beside a file, for its rejected rows, where no file exists yet."""
    name = Path(file.stem if file.suffix.lower() == ".gz" else file.name).stem
    paths = (
        file.absolute().with_name(f"{name}.rejected{f'-{number}' if number > 1 else ''}{suffix}") for number in count(1)
    )
    return next(path for path in paths if not path.exists())
