"""The formats of exports: CSV for spreadsheets, and a JSON object a line for programs.

The csv module quotes cells; orjson writes JSON. What neither knows is done here: cells that a spreadsheet would run as
a formula (https://owasp.org/www-community/attacks/CSV_Injection), and exact decimals.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import orjson

from core.exports.rows import JsonText, Value
from core.text import decimal_text

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The beginnings of a formula, also in full width, as spreadsheets in Asian languages read them."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


class ExportFormat(StrEnum):
    """A format of exports."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """The media type."""
        return "text/csv; charset=utf-8" if self is ExportFormat.CSV else "application/x-ndjson"


def header_of(format: ExportFormat, columns: Sequence[str]) -> bytes:
    """Return what stands before all rows: the names of the columns, or nothing."""
    return _csv([columns]) if format is ExportFormat.CSV else b""


def encode_rows(format: ExportFormat, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """Return rows as whole lines in UTF-8."""
    if format is ExportFormat.CSV:
        return _csv(rows)
    objects = (dict(zip(columns, map(_json_value, row), strict=True)) for row in rows)
    return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in objects)


def _csv(rows: Iterable[Sequence[Value]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def _cell(value: Value) -> str:
    """Return a cell that is text for every spreadsheet; plain numbers stay numbers."""
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value) else value
        case Decimal():
            return decimal_text(value)
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _json_value(value: Value) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    return orjson.Fragment(str(value)) if isinstance(value, JsonText) else value
