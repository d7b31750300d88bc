"""``allowance events``: the import of usage events from files."""

from pathlib import Path
from typing import Annotated

import typer

from cli.progress import progress
from cli.setup import start
from core.runtime import Runtime, open_runtime
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents

app = typer.Typer(help="Import usage events from files.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Import usage events from files."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="NDJSON, CSV or Parquet."),
    ],
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Accept events of any age; a file is imported only once.")
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The file for rejected lines; by default beside FILE, named .rejected."),
    ] = None,
) -> None:
    """Record the usage events of a file of NDJSON, CSV or Parquet.

    In NDJSON, each line is a CloudEvent 1.0 as a JSON object, as for POST /events. CSV and Parquet have the
    columns id, source, type, license, time, quantity, value, entity and dimensions, or a column dimensions.NAME
    for each dimension. NDJSON and CSV may be compressed with gzip.

    An interrupted import continues where it stopped when it is started again. Rejected lines go to a file, each
    with its error; correct them there and import that file. The exit status is then 1. Events older than the
    deduplication window need --backfill, which imports a file once, recognised by its content.

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
        imported = import_event_file(runtime, file, backfill=backfill, rejected=rejected)
    if imported.resumed_after:
        typer.echo(f"{file}: it continues after line {imported.resumed_after:,}, where an earlier import stopped.")
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


def import_event_file(runtime: Runtime, file: Path, *, backfill: bool, rejected: Path | None = None) -> ImportedEvents:
    """Import a file of events, and show the progress.

    Raises:
        core.errors.AllowanceError: The file cannot be imported.
    """
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
