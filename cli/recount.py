"""``allowance recount``: the proof that the sums that meters read equal the ledger."""

from typing import Annotated

import typer

from cli.lookups import license_ids
from cli.progress import progress
from cli.setup import start
from core.runtime import open_runtime
from core.usage import recount as ledger


def recount(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
) -> None:
    """Recount the ledger, and compare it with the sums that meters read.

    All events of the ledger are counted again, and compared with the sums and levels that meters read. Every
    difference is shown with both numbers; the exit status is then 1. Each license is read at one moment, so that
    events may arrive meanwhile.

    \b
    Example:
      allowance recount --license acme
    """
    differences = 0
    with open_runtime(start()) as runtime, progress("Recounting") as report:
        with runtime.database.read() as session:
            licenses = license_ids(session, license or [])
            since = ledger.complete_from(session)
        for done, (key, license_id) in enumerate(licenses.items()):
            report(done, len(licenses))
            with runtime.database.read() as session:
                for difference in ledger.recount(session, license_id, runtime.registry.event_types):
                    differences += 1
                    typer.echo(f"{key}: {_describe(difference)}")
    if differences:
        typer.echo(f"{differences:,} differences between the ledger and the sums that meters read.", err=True)
        raise typer.Exit(1)
    if since:
        typer.echo(f"Some events before {since} were deleted from the ledger; the sums still include them.")
    typer.echo(f"No differences in {len(licenses):,} license{'' if len(licenses) == 1 else 's'}.")


def _describe(difference: ledger.Difference) -> str:
    series = [difference.event, difference.entity and f"entity {difference.entity}", difference.dimensions]
    return (
        f"{' '.join(part for part in series if part)} on {difference.day}: "
        f"the ledger says {difference.ledger or 'nothing'}, the rollup {difference.rollup or 'nothing'}"
    )
