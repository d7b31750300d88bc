"""``allowance events``: usage events from files."""

from pathlib import Path
from typing import Annotated

import typer

from cli.progress import progress
from cli.start import start
from core.runtime import Runtime, open_runtime
from core.usage.import_events import ImportedEvents, import_events

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
) -> None:
    """Record the usage events of a file.

    Each line is a CloudEvent 1.0 as a JSON object, as it is sent to /events. Every line that is not taken is
    reported, and the exit status is then 1. Events older than the deduplication window need --backfill, which
    takes a file once, known by its content; an import that was interrupted goes on where it stopped when it
    is started again.

    \b
    Example of a line:
      {"specversion": "1.0", "id": "1", "source": "/mailer", "type": "interaction.sent", "subject": "acme",
       "time": "2026-11-22T10:00:00Z", "data": {"quantity": 250, "dimensions": {"channel": "print"}}}

    \b
    Examples:
      allowance events import today.ndjson
      allowance events import last-year.ndjson --backfill
    """
    with open_runtime(start()) as runtime:
        imported = bring_in_events(runtime, file, backfill=backfill)
    if imported.resumed_after:
        typer.echo(f"{file}: lines 1 to {imported.resumed_after} were recorded by an import before this one.")
    for line in imported.first_rejected:
        typer.echo(f"{file}:{line.line}: {line.code}: {line.message}", err=True)
    rejected = imported.rejected.total()
    if rejected > len(imported.first_rejected):
        codes = ", ".join(f"{count:,} {code}" for code, count in imported.rejected.most_common())
        typer.echo(
            f"{file}: {rejected:,} lines were rejected, of which {len(imported.first_rejected)} are shown: {codes}",
            err=True,
        )
    typer.echo(f"{file}: {imported.accepted:,} accepted, {imported.duplicates:,} duplicates, {rejected:,} rejected")
    if rejected:
        typer.echo("Correct the rejected lines, put them into a file of their own, and import that.", err=True)
        raise typer.Exit(1)


def bring_in_events(runtime: Runtime, file: Path, *, backfill: bool) -> ImportedEvents:
    """Import the file, showing progress. Raises what :func:`core.usage.import_events.import_events` does."""
    with progress(f"Importing {file}") as report:
        return import_events(runtime, file, backfill=backfill, progress=report)
