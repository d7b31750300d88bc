"""What every format comes down to: rows, each with an event or with what is wrong."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

from core.errors import BadInput
from core.usage.ingest import EventCheck


class BadFile(BadInput):
    """The file cannot be read, or not to its end; what was read before is recorded."""

    code = "BAD_FILE"


class BadColumns(BadInput):
    """The columns of a table are not those of events. Nothing was recorded."""

    code = "BAD_COLUMNS"


class RowProblem(NamedTuple):
    """Why a row holds no event."""

    code: str
    message: str


class Row(NamedTuple):
    """A row by its number, counted from 1, with its event as the file's `check` takes it, or a :class:`RowProblem`.

    `original` is the row as its file holds it, and `size` about how many bytes that is.
    """

    number: int
    event: object
    original: Any
    size: int


class EventFile(Protocol):
    """A file of events that is open. Memory does not grow with its size."""

    rejected_suffix: ClassVar[str]
    """How the name of a file ends that holds rejected rows of this one."""

    @property
    def check(self) -> EventCheck:
        """Holds its events against the rules."""

    @property
    def read(self) -> int:
        """The number of the last row, or line, that was read."""

    def rows(self, after: int) -> Iterator[Row]:
        """The rows that come after so many. Raises :class:`BadFile`."""

    def progress(self) -> tuple[int, int]:
        """How much of the file is read, of how much, in any unit."""

    def rejected_head(self) -> bytes:
        """What a file of rejected rows begins with."""

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """A row in a file of rejected rows, which can be corrected there and imported."""
