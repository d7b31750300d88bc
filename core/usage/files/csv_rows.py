"""Events in CSV (RFC 4180) with a row of column names at the top."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from typing import ClassVar, Final

import orjson

from core.usage.events import check_events
from core.usage.files.columns import NOTES, Columns
from core.usage.files.lines import LONGEST_LINE, TOO_LONG, Lines
from core.usage.files.rows import BadColumns, Row, RowProblem

_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DELIMITERS: Final = ",;\t"
_NOT_UTF_8: Final = "is not UTF-8. Is it Latin-1? Save the file as UTF-8 (in Excel: CSV UTF-8), and import that file."
_OPEN: Final = "a quote is opened and not closed"
_MAX_ROW_LINES: Final = 100
"""Lines of a row. After a quote that is never closed, every following line costs as many lines to read again."""
_SHOWN: Final = 200
"""Characters of a line that is too long, in the file of rejected rows."""


class CsvFile:
    """Rows of cells, separated by commas, semicolons or tabs. An empty cell is no value.

    Numbers have a decimal point and are read exactly.
    """

    check = staticmethod(check_events)
    rejected_suffix: ClassVar[str] = ".csv"

    def __init__(self, lines: Lines) -> None:
        """Read the row of column names. Raises :class:`BadColumns` if there is none, or if it is not of events."""
        self._lines = _CsvLines(lines)
        try:
            head = next(self._lines, "")
            self._delimiter = max(_DELIMITERS, key=head.count)
            names = next(csv.reader([head], delimiter=self._delimiter, strict=True), [])
        except (csv.Error, _TooLong):
            raise BadColumns("The first line does not hold the names of columns.") from None
        if not _is_utf_8(names):
            raise BadColumns(f"The first line {_NOT_UTF_8}")
        self.columns: Final = Columns([name.strip() for name in names])
        self._read_as = [
            (index, _READ_AS[field]) for index, field in enumerate(self.columns.fields) if field in _READ_AS
        ]
        self.read = lines.read

    def progress(self) -> tuple[int, int]:
        """Return the number of bytes read, and of all bytes."""
        return self._lines.progress()

    def rows(self, after: int) -> Iterator[Row]:
        """Yield the rows after line `after`, each with the number of its first line."""
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        while True:
            number = lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong) as error:
                # The next row begins on the next line, however many lines a quote that was never closed has taken.
                text, single = lines.give_back()
                cells = [text.rstrip("\r\n")]
                event: object = RowProblem("BAD_CSV", f"The line is not CSV: {error if single else _OPEN}.")
                if len(text) > LONGEST_LINE:
                    cells, event = [text[:_SHOWN]], RowProblem("TOO_LARGE", TOO_LONG)
            else:
                event = self._event(cells) if cells else None
            self.read = lines.last
            if number > after and event is not None:
                yield Row(number, event, cells, lines.size)

    def rejected_head(self) -> bytes:
        """Return the row of column names of a file of rejected rows."""
        return csv_line([*NOTES, *(self.columns.names[index] for index in self.columns.of_event)])

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """Return a row for the file of rejected rows: the problem, then the row. A line that is not CSV is one cell."""
        cells: Sequence[str] = row.original
        if len(cells) == len(self.columns.names):
            cells = [cells[index] for index in self.columns.of_event]
        elif self.columns.fields[: len(NOTES)] == NOTES:
            cells = cells[len(NOTES) :] or cells
        return csv_line([str(row.number), *problem, *cells])

    def _event(self, cells: list[str]) -> object:
        if len(cells) != len(self.columns.names):
            return RowProblem(
                "BAD_CSV", f"The row has {len(cells)} cells; there are {len(self.columns.names)} columns."
            )
        if not _is_utf_8(cells):
            return RowProblem("BAD_CSV", f"The line {_NOT_UTF_8}")
        values: list[object] = [cell or None for cell in cells]
        for index, read in self._read_as:
            if cells[index]:
                values[index] = read(cells[index])
        return self.columns.event(values)


class _TooLong(Exception):
    """A row is longer than any event."""


class _CsvLines:
    """Lines as texts for the csv reader. Bytes that are not UTF-8 become lone surrogates, and are written as bytes."""

    def __init__(self, lines: Lines) -> None:
        self.progress = lines.progress
        self._lines = enumerate(lines, 1)
        self._again: deque[tuple[int, str]] = deque()
        self._row: list[tuple[int, str]] = []
        self.last = 0
        """The number of the last line that belongs to a row."""
        self.size = 0

    def begin(self) -> int:
        """Begin a row. Return the number of its first line."""
        self._row.clear()
        self.size = 0
        return self.last + 1

    def give_back(self) -> tuple[str, bool]:
        """Return the first line of the row, and whether the row has no other. The other lines are read again."""
        (self.last, text), *others = self._row
        self._again.extendleft(reversed(others))
        return text, not others

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            number, text = self._again.popleft()
        else:
            number, line = next(self._lines)
            text = line.decode("utf-8", "surrogateescape")
        self._row.append((number, text))
        self.last = number
        self.size += len(text)
        if self.size > LONGEST_LINE or len(self._row) > _MAX_ROW_LINES:
            raise _TooLong
        return text


def _is_utf_8(cells: Sequence[str]) -> bool:
    """Return whether the cells hold no lone surrogates, which stand for bytes that are not UTF-8."""
    text = "".join(cells)
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(cell: str) -> Decimal | str:
    return Decimal(cell) if _NUMBER.fullmatch(cell) else cell


def _json(cell: str) -> object:
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


_READ_AS: Final[dict[str, Callable[[str], object]]] = {"quantity": _number, "value": _number, "dimensions": _json}


def csv_line(cells: Sequence[str]) -> bytes:
    """Return a row of comma-separated values."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")
