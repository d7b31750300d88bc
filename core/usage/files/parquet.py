"""Apache Parquet, read a few rows at a time by pyarrow, which is installed with the extra ``parquet``."""

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

_ROWS_AT_ONCE: Final = 1_000
_BUFFER: Final = 2**20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_IN_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class NoParquet(AllowanceError):
    """What reads Parquet is not installed."""

    code = "PARQUET_NOT_INSTALLED"


class ParquetFile:
    """Rows of a Parquet file, by their number. Every number and instant is read exactly.

    Raises :class:`NoParquet`, :class:`BadFile` and :class:`BadColumns`.
    """

    check = staticmethod(check_events)
    rejected_suffix: ClassVar[str] = ".csv"

    def __init__(self, file: FileIO) -> None:
        try:
            self._arrow: Final = import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ImportError:
            raise NoParquet(
                "Reading Parquet needs pyarrow, which is not installed. Install it: pip install 'pyarrow>=21'"
            ) from None
        try:
            # With a buffer of its own each column is read bit by bit, whatever the size of its row groups.
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
        return self.read, self._file.metadata.num_rows

    def rows(self, after: int) -> Iterator[Row]:
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
                f"The Parquet file is damaged after row {self.read:,}: {_first_line(error)} What was read before is "
                "recorded."
            ) from None

    def rejected_head(self) -> bytes:
        return csv_line([*NOTES, *(self._columns.names[index] for index in self._columns.of_event)])

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """The row as one of CSV, in which it can be corrected."""
        return csv_line(
            [str(row.number), *problem, *(_as_text(row.original[index]) for index in self._columns.of_event)]
        )

    def _batches(self, after: int) -> Iterator[Any]:
        """Batches of rows, without the row groups that lie before."""
        metadata = self._file.metadata
        groups = list(range(metadata.num_row_groups))
        while groups and self.read + metadata.row_group(groups[0]).num_rows <= after:
            self.read += metadata.row_group(groups.pop(0)).num_rows
        if groups:
            yield from self._file.iter_batches(_ROWS_AT_ONCE, row_groups=groups, use_threads=False)


Read = Callable[[Any], Sequence[Any]]
"""Reads a column of some rows."""


def _reader(types: Any, name: str, field: str, kind: Any) -> Read:
    """How to read a column of that type. Raises :class:`BadColumns`."""
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind) or field in NOTES:
        return _plain
    find, wanted = _KINDS.get(field, (_text, "texts"))
    read = find(types, kind)
    if read is None:
        raise BadColumns(f"Column {name} is of type {kind}; it needs {wanted}.")
    return read


def _text(types: Any, kind: Any) -> Read | None:
    return _plain if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) else None


def _amount(types: Any, kind: Any) -> Read | None:
    if types.is_float32(kind):
        return _short_floats
    return _plain if types.is_integer(kind) or types.is_decimal(kind) or types.is_float64(kind) else None


def _time(types: Any, kind: Any) -> Read | None:
    if types.is_timestamp(kind) and kind.tz:
        return partial(_instants, in_second=_IN_SECOND[kind.unit])
    return _text(types, kind)


def _dimensions(types: Any, kind: Any) -> Read | None:
    if types.is_struct(kind):
        return _structs
    if types.is_map(kind):
        return _maps
    return _documents if _text(types, kind) else None


_AMOUNT: Final = (_amount, "whole numbers, decimals or floats")
_KINDS: Final[dict[str, tuple[Callable[[Any, Any], Read | None], str]]] = {
    "quantity": _AMOUNT,
    "value": _AMOUNT,
    "time": (_time, "timestamps with a time zone, or texts as 2026-11-22T10:00:00Z"),
    "dimensions": (_dimensions, "structs or maps of texts, or texts of JSON"),
}


def _plain(column: Any) -> Sequence[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _short_floats(column: Any) -> Sequence[Any]:
    """Floats of 32 bits as the shortest decimals that read as them, which is what was written."""
    return [None if text is None else Decimal(text) for text in column.cast("string").to_pylist()]


def _instants(column: Any, in_second: int) -> Sequence[Any]:
    """Return instants in UTC; what is finer than a microsecond is cut off, and what no calendar has stays a number.

    Arrow does not convert these: its safe cast refuses the whole column for a single instant, its floor wraps around at
    the ends of the range, and its datetimes take five times as long to make.
    """
    return [None if since is None else _instant(since, in_second) for since in column.cast("int64").to_pylist()]


def _instant(since: int, in_second: int) -> datetime | str:
    try:
        return _EPOCH + timedelta(microseconds=since * 10**6 // in_second)
    except OverflowError:
        return f"{since}/{in_second} s after 1970"


def _structs(column: Any) -> Sequence[Any]:
    return [
        None if struct is None else {key: part for key, part in struct.items() if part is not None}
        for struct in column.to_pylist()
    ]


def _maps(column: Any) -> Sequence[Any]:
    """Mappings; what says a key twice is left for the check to refuse."""
    found: list[Any] = []
    for pairs in column.to_pylist():
        mapping = None if pairs is None else dict(pairs)
        found.append(pairs if mapping is not None and len(mapping) < len(pairs) else mapping)
    return found


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
