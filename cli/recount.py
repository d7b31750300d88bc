"""``allowance recount``: the proof that what meters read is what the ledger holds."""

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
    """Recount the ledger against what meters read.

    Every event that the ledger holds is counted again, and the sums and levels that meters read are held
    against that. Reports every difference with both numbers; the exit status is 1 if there is any. Each license
    is seen as of one moment, so this may run while events come in.

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
                    typer.echo(f"{key}: {_say(difference)}")
    if differences:
        typer.echo(f"{differences:,} differences: what meters read is not what the ledger holds.", err=True)
        raise typer.Exit(1)
    if since:
        typer.echo(f"Events before {since} are dropped in part; what is left of them is in the sums.")
    typer.echo(f"No differences in {len(licenses):,} license{'' if len(licenses) == 1 else 's'}.")


def _say(difference: ledger.Difference) -> str:
    series = [difference.event, difference.entity and f"entity {difference.entity}", difference.dimensions]
    return (
        f"{' '.join(part for part in series if part)} on {difference.day}: "
        f"the ledger says {difference.ledger or 'nothing'}, the rollup {difference.rollup or 'nothing'}"
    )
