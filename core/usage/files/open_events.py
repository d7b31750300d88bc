"""Opening a file of events: its format is found by its content, and by its name where the content does not tell."""

import zipfile
from io import FileIO
from pathlib import Path
from typing import Final

from core.usage.files.csv_rows import CsvFile
from core.usage.files.json_list import JsonList
from core.usage.files.lines import BOM, GZIP, Lines
from core.usage.files.ndjson import NdjsonFile
from core.usage.files.parquet import MAGIC, ParquetFile
from core.usage.files.rows import BadFile, EventFile

_ZIP: Final = b"PK\x03\x04"
_REFUSED: Final = {
    b"\xd0\xcf\x11\xe0": "This is an Excel workbook. Save it as CSV UTF-8, and import that file.",
    b"BZh": "This file is compressed by bzip2. Unpack it, or compress it by gzip.",
    b"\xfd7zXZ": "This file is compressed by xz. Unpack it, or compress it by gzip.",
    b"\x28\xb5\x2f\xfd": "This file is compressed by zstd. Unpack it, or compress it by gzip.",
    b"\xff\xfe": "This file is UTF-16. Save it as UTF-8 (in Excel: CSV UTF-8), and import that file.",
    b"\xfe\xff": "This file is UTF-16. Save it as UTF-8 (in Excel: CSV UTF-8), and import that file.",
}
"""What to do with files of other kinds, by their first bytes."""
_TABLES: Final = (".csv", ".tsv")
_EVENTS: Final = (".ndjson", ".jsonl", ".json")


def open_events(raw: FileIO, name: str, size: int) -> EventFile:
    """Open the first `size` bytes of a file.

    A text that begins with a bracket is JSON. A text under another name than those of CSV and JSON is CSV.

    Raises:
        BadFile: The file is of no kind that can be read. The message states its kind.
        core.usage.files.rows.BadColumns: The columns are not those of events.
        core.usage.files.parquet.NoParquet: The reader of Parquet is not installed.
    """
    raw.seek(0)
    start = raw.read(len(_ZIP))
    if start == _ZIP:
        raise BadFile(_zip_kind(raw))
    raw.seek(0)
    compressed = start.startswith(GZIP)
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    if start == MAGIC or (suffix == ".parquet" and not compressed):
        return ParquetFile(raw)
    lines = Lines(raw, size, compressed=compressed)
    start = lines.peek()
    if compressed and (suffix == ".parquet" or start.startswith(MAGIC)):
        raise BadFile("A Parquet file is compressed inside. Unpack it with gunzip, and import what comes out.")
    _refuse_other_kinds(start)
    text = start.removeprefix(BOM).lstrip()
    if text.startswith(b"[") or text.split(b"\n", 1)[0].strip() == b"{":
        return NdjsonFile(JsonList(lines))
    if text.startswith(b"{") or suffix in _EVENTS or not text:
        return CsvFile(lines) if suffix in _TABLES and not text else NdjsonFile(lines)
    return CsvFile(lines)


def _refuse_other_kinds(start: bytes) -> None:
    """Raise :class:`BadFile` if a file, or what is compressed in it, is not a text in UTF-8."""
    if start.startswith(_ZIP):
        raise BadFile("A zip file or an Excel workbook is compressed inside. Unpack it, and import the CSV or NDJSON.")
    for magic, message in _REFUSED.items():
        if start.startswith(magic):
            raise BadFile(message)
    if len(start) > 1 and 0 in start[:2]:
        raise BadFile("This file is UTF-16, or is not a text. Save it as UTF-8, and import that file.")


def _zip_kind(file: FileIO) -> str:
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return "This is an Excel workbook. Save it as CSV UTF-8, and import that file."
    return "This is a zip file. Unpack it, and import what comes out."
