"""Events in Apache Parquet, read some rows at a time by pyarrow, which is installed with the extra ``parquet``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from io import FileIO
from typing import Any, ClassVar, Final

import orjson

from core.errors import AllowanceError
from core.usage.events import check_events
from core.usage.files.columns import NOTES, Columns
from core.usage.files.csv_rows import csv_line
from core.usage.files.rows import BadColumns, BadFile, Row, RowProblem

MAGIC: Final = b"PAR1"
"""The first bytes of a file."""

_BATCH_ROWS: Final = 1_000
_BUFFER: Final = 2**20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class NoParquet(AllowanceError):
    """The reader of Parquet, pyarrow, is not installed."""

    code = "PARQUET_NOT_INSTALLED"


class ParquetFile:
    """Rows of a Parquet file, by their number. Every number and instant is read exactly."""

    check = staticmethod(check_events)
    rejected_suffix: ClassVar[str] = ".csv"

    def __init__(self, file: FileIO) -> None:
        """Read the schema.

        Raises:
            NoParquet: pyarrow is not installed.
            BadFile: The file is not Parquet, or not complete.
            BadColumns: The columns are not those of events, or have a wrong type.
        """
        try:
            self._arrow: Final = import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ImportError:
            raise NoParquet(
                "Reading Parquet needs pyarrow, which is not installed. Install it: pip install 'pyarrow>=21'"
            ) from None
        try:
            # With a buffer, columns are read in small parts, whatever the size of the row groups.
            self._file = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        except (OSError, self._arrow.ArrowException) as error:
            raise BadFile(f"This is not a whole Parquet file: {_first_line(error)}") from None
        schema = self._file.schema_arrow
        self._columns: Final = Columns(schema.names)
        self._readers = [
            _reader(self._arrow.types, name, field, kind)
            for name, field, kind in zip(schema.names, self._columns.fields, schema.types, strict=True)
        ]
        self.read = 0

    def progress(self) -> tuple[int, int]:
        """Return the number of rows read, and of all rows."""
        return self.read, self._file.metadata.num_rows

    def rows(self, after: int) -> Iterator[Row]:
        """Yield the rows after row `after`. Raises :class:`BadFile` where the file is damaged."""
        try:
            for batch in self._batches(after):
                size = batch.nbytes // max(batch.num_rows, 1)
                columns = [read(column) for read, column in zip(self._readers, batch.columns, strict=True)]
                for values in zip(*columns, strict=True):
                    self.read += 1
                    if self.read > after:
                        yield Row(self.read, self._columns.event(values), values, size)
        except (OSError, UnicodeDecodeError, self._arrow.ArrowException) as error:
            raise BadFile(
                f"The Parquet file is damaged after row {self.read:,}: {_first_line(error)} The rows before are "
                "recorded."
            ) from None

    def rejected_head(self) -> bytes:
        """Return the row of column names of a file of rejected rows, which is CSV."""
        return csv_line([*NOTES, *(self._columns.names[index] for index in self._columns.of_event)])

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """Return a row of CSV for the file of rejected rows, where it can be corrected."""
        return csv_line(
            [str(row.number), *problem, *(_as_text(row.original[index]) for index in self._columns.of_event)]
        )

    def _batches(self, after: int) -> Iterator[Any]:
        """Yield batches of rows, without the row groups that are wholly before row `after`."""
        metadata = self._file.metadata
        groups = list(range(metadata.num_row_groups))
        while groups and self.read + metadata.row_group(groups[0]).num_rows <= after:
            self.read += metadata.row_group(groups.pop(0)).num_rows
        if groups:
            yield from self._file.iter_batches(_BATCH_ROWS, row_groups=groups, use_threads=False)


ReadColumn = Callable[[Any], Sequence[Any]]
"""A reader of the values of a column."""


def _reader(types: Any, name: str, field: str, kind: Any) -> ReadColumn:
    """Return the reader of a column of type `kind`. Raises :class:`BadColumns` if its field has no such values."""
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind) or field in NOTES:
        return _plain
    find, wanted = _KINDS.get(field, (_text, "texts"))
    read = find(types, kind)
    if read is None:
        raise BadColumns(f"Column {name} is of type {kind}; it needs {wanted}.")
    return read


def _text(types: Any, kind: Any) -> ReadColumn | None:
    return _plain if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) else None


def _amount(types: Any, kind: Any) -> ReadColumn | None:
    if types.is_float32(kind):
        return _short_floats
    return _plain if types.is_integer(kind) or types.is_decimal(kind) or types.is_float64(kind) else None


def _time(types: Any, kind: Any) -> ReadColumn | None:
    if types.is_timestamp(kind) and kind.tz:
        return partial(_instants, units_per_second=_UNITS_PER_SECOND[kind.unit])
    return _text(types, kind)


def _dimensions(types: Any, kind: Any) -> ReadColumn | None:
    if types.is_struct(kind):
        return _structs
    if types.is_map(kind):
        return _maps
    return _documents if _text(types, kind) else None


_AMOUNT: Final = (_amount, "whole numbers, decimals or floats")
_KINDS: Final[dict[str, tuple[Callable[[Any, Any], ReadColumn | None], str]]] = {
    "quantity": _AMOUNT,
    "value": _AMOUNT,
    "time": (_time, "timestamps with a time zone, or texts as 2026-11-22T10:00:00Z"),
    "dimensions": (_dimensions, "structs or maps of texts, or texts of JSON"),
}


def _plain(column: Any) -> Sequence[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _short_floats(column: Any) -> Sequence[Any]:
    """Return floats of 32 bits as the shortest decimals that equal them, which are the decimals that were written."""
    return [None if text is None else Decimal(text) for text in column.cast("string").to_pylist()]


def _instants(column: Any, units_per_second: int) -> Sequence[Any]:
    """Return instants in UTC, cut off to microseconds. An instant outside the calendar becomes a text with its number.

    Arrow does not convert these: its safe cast refuses the whole column for a single instant, its floor wraps around at
    the ends of the range, and its datetimes take five times as long to make.
    """
    return [None if since is None else _instant(since, units_per_second) for since in column.cast("int64").to_pylist()]


def _instant(since: int, units_per_second: int) -> datetime | str:
    try:
        return _EPOCH + timedelta(microseconds=since * 10**6 // units_per_second)
    except OverflowError:
        return f"{since}/{units_per_second} s after 1970"


def _structs(column: Any) -> Sequence[Any]:
    return [
        None if struct is None else {key: part for key, part in struct.items() if part is not None}
        for struct in column.to_pylist()
    ]


def _maps(column: Any) -> Sequence[Any]:
    """Return mappings. Pairs with a repeated key stay pairs, which the check rejects."""
    values: list[Any] = []
    for pairs in column.to_pylist():
        mapping = None if pairs is None else dict(pairs)
        values.append(pairs if mapping is not None and len(mapping) < len(pairs) else mapping)
    return values


def _documents(column: Any) -> Sequence[Any]:
    return [None if text is None else _document(text) for text in column.to_pylist()]


def _document(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (Mapping, list)):
        return orjson.dumps(value, default=str).decode()
    return str(value)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") + "."
