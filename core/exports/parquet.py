"""Exports as Apache Parquet, written by pyarrow, which is installed with the extra ``parquet``."""

import io
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from importlib import import_module
from typing import Any, ClassVar, Final

from core.errors import AllowanceError
from core.exports.rows import Value
from core.right_of_way import giving_way

_GROUP_ROWS: Final = 20_000
"""Rows of a row group at the least, unless it is the last one: a file of small groups is slow to read."""
_MOST_GROUP_ROWS: Final = 60_000
_GROUPS: Final = 50
"""Groups behind which they grow with the file: its end describes each of them, and is held until then. For 5,000 groups
this took 84 MB; a group of 60,000 rows takes 15 MB."""
_UNIQUE: Final = frozenset({"cursor", "x_Cursor"})
"""Columns whose values all differ, which a dictionary would hold twice."""
_BILLIONTH: Final = Decimal("1e-9")
_DIGITS: Final = Context(prec=38, rounding=ROUND_HALF_EVEN)
_AMOUNTS: Final = frozenset(
    {"used", "limit", "amount", "ratio", "ContractCommitmentCost", "ContractCommitmentQuantity"}
)
_DAYS: Final = frozenset({"day", "period_first", "period_end", "x_ContractEndsOn"})
_INSTANTS: Final = frozenset(
    {
        *("at", "crossed_at", "found_at", "recovered_at", "measured_at"),
        *("ContractCommitmentPeriodEnd", "ContractCommitmentPeriodStart", "ContractPeriodEnd", "ContractPeriodStart"),
    }
)
_INTEGERS: Final = frozenset({"contract_version", "x_ContractVersion"})


class ParquetNotInstalled(AllowanceError):
    """The writer of Parquet, pyarrow, is not installed where the export runs."""

    code = "PARQUET_NOT_INSTALLED"


class TooManyDigits(AllowanceError):
    """An amount of a partner's meter that is larger than the numbers of Parquet, which have 38 digits."""

    code = "TOO_MANY_DIGITS"


class ParquetWriter:
    """A file of Parquet that is written in parts, each of which is taken away at once."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Begin a file.

        Raises:
            ParquetNotInstalled: pyarrow is not installed.
        """
        try:
            self._arrow: Final = import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ImportError:
            raise ParquetNotInstalled(
                "Parquet needs pyarrow, which is not installed. Ask an operator for it, or export CSV or NDJSON."
            ) from None
        # The pool of pyarrow keeps several times of what a row group takes.
        self._arrow.set_memory_pool(self._arrow.system_memory_pool())
        self._schema: Final = self._arrow.schema([(name, self._type_of(name)) for name in columns])
        self._written: Final = _Pipe()
        repeated = [name for name in columns if name not in _UNIQUE]
        self._file: Final = parquet.ParquetWriter(self._written, self._schema, use_dictionary=repeated)
        self._batches: list[Any] = []
        self._waiting_rows = 0
        self._written_rows = 0

    def header(self) -> bytes:
        """Return the first bytes of the file."""
        return self._written.take()

    def rows(self, rows: Sequence[Sequence[Value]]) -> bytes:
        """Add rows, and return what was written; nothing until a row group is full."""
        if rows:
            # Column by column into arrays, which take a fraction of the memory of rows.
            cells = zip(*([_cell(value) for value in row] for row in giving_way(rows)), strict=True)
            arrays = [self._arrow.array(column, field.type) for column, field in zip(cells, self._schema, strict=True)]
            self._batches.append(self._arrow.record_batch(arrays, schema=self._schema))
            self._waiting_rows += len(rows)
        if self._waiting_rows >= min(max(_GROUP_ROWS, self._written_rows // _GROUPS), _MOST_GROUP_ROWS):
            self._write_group()
        return self._written.take()

    def end(self) -> bytes:
        """Return the last bytes of the file."""
        self._write_group()
        self._file.close()
        return self._written.take()

    def _write_group(self) -> None:
        if self._batches:
            self._file.write_table(self._arrow.Table.from_batches(self._batches))
            self._batches.clear()
            self._written_rows += self._waiting_rows
            self._waiting_rows = 0

    def _type_of(self, column: str) -> Any:
        if column in _AMOUNTS:
            return self._arrow.decimal128(_DIGITS.prec, 9)
        if column in _DAYS:
            return self._arrow.date32()
        if column in _INSTANTS:
            return self._arrow.timestamp("us", tz="UTC")
        return self._arrow.int64() if column in _INTEGERS else self._arrow.string()


def _cell(value: Value) -> Value:
    """Return a value as pyarrow takes it: decimals in billionths, and texts as plain strings."""
    if isinstance(value, Decimal):
        try:
            return value.quantize(_BILLIONTH, context=_DIGITS)
        except InvalidOperation:
            raise TooManyDigits(f"{value:.3e} has more digits than Parquet holds. Export CSV or NDJSON.") from None
    return value if value is None or isinstance(value, int | date) else str(value)


class _Pipe(io.RawIOBase):
    """A file to write to, from which the bytes are taken as they come."""

    name: ClassVar[str] = "export"

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._bytes = bytearray()
        self._taken = 0

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def tell(self) -> int:
        """Return the number of all bytes so far."""
        return self._taken + len(self._bytes)

    def write(self, data: Any) -> int:
        """Add bytes."""
        view = memoryview(data)
        self._bytes += view
        return view.nbytes

    def take(self) -> bytes:
        """Return the bytes that were written since the last call."""
        taken = bytes(self._bytes)
        self._taken += len(taken)
        self._bytes.clear()
        return taken
