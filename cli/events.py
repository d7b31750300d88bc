"""``allowance events``: the import of usage events from files, and corrections of counted usage."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import col, select

from cli.author import author
from cli.lookups import license_ids
from cli.progress import progress
from cli.setup import start
from cli.tables import Column, Json, show_list
from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.errors import BadInput
from core.runtime import Runtime, open_runtime
from core.text import shown
from core.times import NotAnInstant, parse_instant
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents
from core.usage.tables import UsageCorrection

app = typer.Typer(help="Import usage events from files, and correct counted usage.", no_args_is_help=True)
MOST = 100
_CORRECTIONS = (
    Column("id", "Correction"),
    Column("correctedAt", "Corrected (UTC)"),
    Column("author", "By"),
    Column("reason", "Reason"),
    Column("event", "Event"),
    Column("quantity", "Quantity"),
    Column("time", "Time (UTC)"),
    Column("entity", "Entity"),
    Column("dimensions", "Dimensions"),
)


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


@app.command(context_settings={"ignore_unknown_options": True})  # a negative quantity looks like an option
def adjust(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    event: Annotated[str, typer.Argument(metavar="TYPE", help="The event type, as interaction.sent.")],
    quantity: Annotated[
        str,
        typer.Argument(metavar="QUANTITY", help="The amount to add; a negative one takes away."),
    ],
    id_: Annotated[str, typer.Option("--id", help="The correction's id; an id counts once, for ever.")],
    reason: Annotated[str, typer.Option(help="The reason. It is stored with your user name.")],
    time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The time of the usage, as 2026-11-22T10:00:00Z; by default now."),
    ] = None,
    entity: Annotated[str | None, typer.Option(help="The entity of the usage.")] = None,
    dimension: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A dimension of the usage, as channel=print; repeat for several."),
    ] = None,
) -> None:
    """Add a signed quantity to the counted usage of a license.

    The adjustment counts on the day of its time, of any age: past readings and history are measured again. A reading
    never shows less than 0. Levels are not adjusted: report the right value, or cancel the wrong report.

    \b
    Examples:
      allowance events adjust acme interaction.sent -250 --id 4711 --reason "sent twice" --time 2026-11-22T10:00:00Z
      allowance events adjust acme interaction.sent 30 --id 4712 --reason "not reported" --dimension channel=print
    """
    dimensions = dict(_pair(part) for part in dimension or ()) or None
    at = None if time is None else _time(time)
    amount = _quantity(quantity)
    _correct(CorrectionInput(id_, license, reason, event, amount, at, entity or None, dimensions))
    typer.echo(f"Adjusted {event} of {license} by {amount:f}, correction {id_}.")


@app.command()
def cancel(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source of the event, as /mailer.")],
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The id of the event.")],
    id_: Annotated[str, typer.Option("--id", help="The correction's id; an id counts once, for ever.")],
    reason: Annotated[str, typer.Option(help="The reason. It is stored with your user name.")],
) -> None:
    """Cancel an event: it counts 0 from then on, as if it had never been sent.

    The ledger must still hold the event. If it is sent again, it is a duplicate. Past readings and history are measured
    again.

    \b
    Example:
      allowance events cancel acme /mailer c-4711 --id 4711 --reason "a test campaign"
    """
    _correct(CorrectionInput(id_, license, reason, cancels=(source, event)))
    typer.echo(f"Cancelled the event {event} of {source} of {license}, correction {id_}.")


@app.command()
def corrections(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")], as_json: Json = False
) -> None:
    """Show the corrections of the usage of a license, newest first, at most 100."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        [license_id] = license_ids(session, [license]).values()
        table = UsageCorrection
        of_license = select(table).where(table.license_id == license_id)
        newest_first = of_license.order_by(col(table.corrected_at).desc(), col(table.id)).limit(MOST)
        rows = [_cells(correction) for correction in session.exec(newest_first)]
    show_list(_CORRECTIONS, rows, as_json=as_json)


def _cells(correction: UsageCorrection) -> tuple[object, ...]:
    """Return the cells of a correction; of a cancelled event its id and source."""
    event = correction.event or f"cancelled {correction.cancelled_id} of {correction.cancelled_source}"
    return (
        *(correction.id, correction.corrected_at, correction.author, correction.reason, event),
        *(correction.quantity, correction.time, correction.entity, correction.dimensions),
    )


def _correct(correction: CorrectionInput) -> None:
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        correct_usage(session, correction, runtime.registry, runtime.settings, author(), datetime.now(UTC))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"--dimension {shown(text)} is not KEY=VALUE, as channel=print.")
    return key, value


def _quantity(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput(f"The quantity {shown(text)} is not a number.") from None


def _time(text: str) -> datetime:
    try:
        return parse_instant(text)
    except NotAnInstant as problem:
        raise BadInput(f"--time: {problem}.") from None


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
