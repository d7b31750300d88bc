"""``allowance events``: usage events from files."""

from pathlib import Path
from typing import Annotated

import typer

from cli.progress import progress
from cli.setup import start
from core.runtime import Runtime, open_runtime
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents

app = typer.Typer(help="Bring in usage events.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Bring in usage events."""


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="One event a line.")
    ],
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Take events of any age, and the file only once.")
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where rejected lines go; else beside FILE, as FILE.rejected and its kind."),
    ] = None,
) -> None:
    """Record the usage events of a file of NDJSON, CSV or Parquet.

    In NDJSON each line is a CloudEvent 1.0 as a JSON object, as it is sent to /events. CSV and Parquet have the
    columns id, source, type, license, time, quantity, value, entity and dimensions, or for each dimension
    dimensions.NAME. NDJSON and CSV may be compressed by gzip.

    An import that was stopped goes on where it was when it is started again. Lines that are not taken go to a
    file with what is wrong with each, to be corrected there and imported; the exit status is then 1. Events
    older than the deduplication window need --backfill, which takes a file once, known by its content.

    \b
    Example of NDJSON, on one line:
      {"specversion": "1.0", "id": "1", "source": "/mailer", "type": "interaction.sent", "subject": "acme",
       "time": "2026-11-22T10:00:00Z", "data": {"quantity": 250, "dimensions": {"channel": "print"}}}

    \b
    Example of CSV:
      id,source,type,license,time,quantity,dimensions.channel
      1,/mailer,interaction.sent,acme,2026-11-22T10:00:00Z,250,print

    \b
    Examples:
      allowance events import today.ndjson
      allowance events import last-year.csv.gz --backfill
      allowance events import last-year.rejected.csv --backfill
    """
    with open_runtime(start()) as runtime:
        imported = bring_in_events(runtime, file, backfill=backfill, rejected=rejected)
    if imported.resumed_after:
        typer.echo(f"{file}: it goes on after line {imported.resumed_after:,}, where an import before was stopped.")
    for line in imported.first_rejected:
        typer.echo(f"{file}:{line.line}: {line.code}: {line.message}", err=True)
    count = imported.rejected.total()
    if count > len(imported.first_rejected):
        codes = ", ".join(f"{number:,} {code}" for code, number in imported.rejected.most_common())
        typer.echo(
            f"{file}: {count:,} lines were rejected, of which {len(imported.first_rejected)} are shown: {codes}",
            err=True,
        )
    typer.echo(f"{file}: {imported.accepted:,} accepted, {imported.duplicates:,} duplicates, {count:,} rejected")
    if count:
        typer.echo(
            f"The rejected lines are in {imported.rejected_path}. Correct them there, and import that file.", err=True
        )
        raise typer.Exit(1)


def bring_in_events(runtime: Runtime, file: Path, *, backfill: bool, rejected: Path | None = None) -> ImportedEvents:
    """Import the file, showing progress. Raises what :func:`core.usage.files.import_events.import_events` does."""
    with progress(f"Importing {file}") as report:
        return import_events(
            runtime.database,
            runtime.registry,
            runtime.settings,
            file,
            backfill=backfill,
            rejected=rejected,
            progress=report,
        )
