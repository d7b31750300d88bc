"""``allowance export``: usage, history, alerts, readings and commitments as CSV, JSON lines or Parquet."""

import gc
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from cli.lookups import license_ids
from cli.progress import progress
from cli.setup import start
from core.errors import BadInput
from core.exports.formats import ExportFormat, open_writer
from core.exports.pages import read_page
from core.exports.query import check_query
from core.exports.rows import COLUMNS, ExportKind
from core.runtime import open_runtime
from core.times import parse_day

_COLLECTED_PAGES: Final = 100
"""Pages after which garbage is collected: each leaves cycles behind, and the collector waits until they take 30 MB."""


def export(
    kind: Annotated[
        ExportKind, typer.Argument(metavar="KIND", help="history, usage, alerts, readings or commitments.")
    ],
    license: Annotated[str | None, typer.Option(metavar="KEY", help="The license's key. [all licenses]")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day. [all days]")] = None,
    to: Annotated[str | None, typer.Option(metavar="DAY", help="The last day. [all days]")] = None,
    format: Annotated[ExportFormat, typer.Option(help="CSV, a JSON object a line, or Parquet.")] = ExportFormat.CSV,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="The file to write. [standard output]")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on behind the row of this cursor, at the end of FILE.")
    ] = None,
) -> None:
    """Export usage, history, alerts, readings or contract commitments as CSV, JSON lines or Parquet.

    Rows are in the order of licenses. Days are those of the license's time zone. The last column is the cursor of the
    row: an export that was interrupted goes on with --after and the cursor of the last whole line. It then writes no
    names of columns, and adds to FILE. Parquet goes on in another file.

    \b
    Examples:
      allowance export usage --license acme --from 2026-01-01 --to 2026-03-31 --output usage.csv
      allowance export history --format ndjson | jq .used
    """
    first, last = (text and parse_day(text, option) for text, option in ((from_, "--from:"), (to, "--to:")))
    query = check_query(kind, license, first or None, last or None, after)
    place, adds = query.after, after is not None and format.has_lines
    writer = open_writer(format, COLUMNS[query.kind], adds=adds)
    if after is not None and not adds and output is not None and output.exists():
        raise BadInput(f"Nothing can be added to {output}, which is Parquet. Name another file.")
    with open_runtime(start()) as runtime, _file(output, adds=adds) as file:
        with runtime.database.read() as session:
            keys = list(license_ids(session, [license] if license else []))
        with progress(f"Exporting {kind}") as report:
            file.write(writer.header())
            for number in count(1):
                with runtime.database.read() as session:
                    page = read_page(session, query, place, runtime.registry, datetime.now(UTC))
                file.write(writer.rows(page.rows))
                file.flush()
                place = page.after
                if place is None:
                    break
                if number % _COLLECTED_PAGES == 0:
                    gc.collect(0)
                report(bisect_left(keys, place.license), len(keys))
            file.write(writer.end())


@contextmanager
def _file(path: Path | None, *, adds: bool) -> Iterator[BinaryIO]:
    """Open the file to write to.

    Raises:
        BadInput: The file ends within a line, so that nothing can be added to it.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    with path.open("ab+" if adds else "wb") as file:
        if adds and file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                raise BadInput(f"{path} ends within a line. Remove that line, and go on behind the one before it.")
        yield file
