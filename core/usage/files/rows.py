"""Rows, which all formats of files are read as: each has an event or a problem."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

from core.errors import BadInput
from core.usage.ingest import EventCheck


class BadFile(BadInput):
    """The file cannot be read, or not to its end. The rows before the damage are recorded."""

    code = "BAD_FILE"


class BadColumns(BadInput):
    """The columns of a table are not those of events. Nothing was recorded."""

    code = "BAD_COLUMNS"


class RowProblem(NamedTuple):
    """The reason why a row has no event."""

    code: str
    message: str


class Row(NamedTuple):
    """A row of a file.

    `number` counts from 1. `event` is a raw event for the file's `check`, or a :class:`RowProblem`. `original` is the
    row as the file has it, `size` its approximate number of bytes.
    """

    number: int
    event: object
    original: Any
    size: int


class EventFile(Protocol):
    """An open file of events. It is read in bounded memory."""

    rejected_suffix: ClassVar[str]
    """The suffix of the file for rejected rows."""

    @property
    def check(self) -> EventCheck:
        """The check for its events."""

    @property
    def read(self) -> int:
        """The number of the last row, or line, read."""

    def rows(self, after: int) -> Iterator[Row]:
        """Yield the rows after row, or line, `after`. Raises :class:`BadFile` where the file is damaged."""

    def progress(self) -> tuple[int, int]:
        """Return the part of the file that was read, and the whole, in the same unit."""

    def rejected_head(self) -> bytes:
        """Return the first bytes of a file of rejected rows."""

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """Return a row for the file of rejected rows, where it can be corrected and imported."""
