"""``allowance measure-again``: rewrite the history of new and mended meters."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.lookups import license_ids
from cli.progress import progress
from cli.refresh import refresh_licenses
from cli.setup import start
from core.refresh.choose_meters import HISTORY
from core.refresh.measure_again import measure_again as mark_history
from core.runtime import open_runtime


def measure_again(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="The first day; by default as early as possible."),
    ] = None,
) -> None:
    """Measure the past again, and wait until it is measured: for meters that are new or mended.

    Every day since the first usage is measured again with the meters of today, and history is rewritten. History is
    measured again for 1,100 days at most; what is older stays as it is. Without --license, all licenses are measured.

    \b
    Examples:
      allowance measure-again --license acme --since 2026-01-01
      allowance measure-again
    """
    with open_runtime(start()) as runtime, progress("Measuring") as report:
        with runtime.database.read() as session:
            licenses = license_ids(session, license or [])
        with runtime.database.write() as session:
            now = datetime.now(UTC)
            first_days = mark_history(session, list(licenses.values()), since.date() if since else None, now)
        failed = refresh_licenses(runtime, licenses, None, report)
    for problem in failed:
        typer.echo(problem, err=True)
    for key, license_id in licenses.items():
        typer.echo(f"{key}: measured again since {first_days[license_id]}.")
    typer.echo(
        f"A day before the first usage, or more than {HISTORY.days:,} days ago, cannot be measured again: its history "
        "stays as it is."
    )
    if failed:
        raise typer.Exit(1)
