"""The formats of exports: CSV for spreadsheets, a JSON object a line for programs, and Parquet for warehouses.

The csv module quotes cells; orjson writes JSON. What neither knows is done here: cells that a spreadsheet would run as
a formula (https://owasp.org/www-community/attacks/CSV_Injection), and exact decimals.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

import orjson

from core.exports.parquet import ParquetWriter
from core.exports.rows import JsonText, Value
from core.right_of_way import giving_way
from core.text import decimal_text

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The beginnings of a formula, also in full width, as spreadsheets in Asian languages read them."""
_JSON: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_INNER_FORMULA: Final = re.compile(r"(?<=[;|\t\r\n])(?=[=+\-@＝＋－＠])")
"""The place of a formula behind what some spreadsheet takes for the end of a cell, as those of half of Europe do with a
semicolon, in whatever quotes it stands."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


class ExportFormat(StrEnum):
    """A format of exports."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The media type."""
        return _MEDIA_TYPES[self]

    @property
    def has_lines(self) -> bool:
        """True if a row is a line, so that rows can be added to a file."""
        return self is not ExportFormat.PARQUET


_MEDIA_TYPES: Final = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


class Writer(Protocol):
    """A writer of one export, whose parts make the file together."""

    def header(self) -> bytes:
        """Return what stands before all rows."""

    def rows(self, rows: Sequence[Sequence[Value]]) -> bytes:
        """Return rows, or what is ready of them and of the rows before."""

    def end(self) -> bytes:
        """Return what is left."""


def open_writer(format: ExportFormat, columns: Sequence[str], *, adds: bool) -> Writer:
    """Return a writer of an export.

    Args:
        format: The format.
        columns: The names of the columns.
        adds: The rows go on behind others, so that lines have no line of names before them.

    Raises:
        core.exports.parquet.ParquetNotInstalled: Parquet cannot be written here.
    """
    match format:
        case ExportFormat.CSV:
            return CsvWriter(() if adds else columns)
        case ExportFormat.NDJSON:
            return JsonLinesWriter(columns)
        case ExportFormat.PARQUET:
            return ParquetWriter(columns)


class CsvWriter:
    """Rows as CSV in UTF-8 (RFC 4180)."""

    def __init__(self, names: Sequence[str]) -> None:
        """Hold the names of the columns; without any there is no first line."""
        self._names = names

    def header(self) -> bytes:
        """Return the line of names."""
        return self.rows([self._names]) if self._names else b""

    def rows(self, rows: Iterable[Sequence[Value]]) -> bytes:
        """Return rows as lines."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows(map(_cell, row) for row in giving_way(rows))
        return text.getvalue().encode()

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class JsonLinesWriter:
    """Rows as JSON objects, one a line."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Hold the names of the members."""
        self._columns = columns

    def header(self) -> bytes:
        """Return nothing."""
        return b""

    def rows(self, rows: Iterable[Sequence[Value]]) -> bytes:
        """Return rows as lines."""
        objects = (dict(zip(self._columns, map(_json_value, row), strict=True)) for row in giving_way(rows))
        return b"".join(orjson.dumps(one, option=_JSON) for one in objects)

    def end(self) -> bytes:
        """Return nothing."""
        return b""


def _cell(value: Value) -> str:
    """Return a cell that is text for every spreadsheet; plain numbers stay numbers."""
    match value:
        case None:
            return ""
        case str():
            return value if _NUMBER.fullmatch(value) else _as_text(value)
        case Decimal():
            return decimal_text(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _as_text(value: str) -> str:
    """Return a text with an apostrophe, a spreadsheet's sign for a text, in front of whatever may begin a formula."""
    inner = _INNER_FORMULA.sub("'", value)
    return f"'{inner}" if value.startswith(_FORMULA) else inner


def _json_value(value: Value) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    return orjson.Fragment(str(value)) if isinstance(value, JsonText) else value
