"""``allowance refresh``: a refresh now instead of when it is due."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import sleep
from typing import Annotated, Final

import typer
from sqlmodel import col, func, select

from cli.author import author
from cli.lookups import license_ids, section_keys
from cli.progress import progress
from cli.setup import start
from core.queue.queue import request_refresh
from core.queue.tables import RefreshRun, RefreshStatus
from core.runtime import Runtime, open_runtime
from core.workers.refresh_due import refresh_due

_AT_ONCE: Final = 500
"""Licenses whose refresh is requested before waiting for them."""
_PAUSE: Final = 0.2
"""Seconds between two looks at runs that another worker has claimed."""


def refresh(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    section: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this section; repeat for several.")
    ] = None,
) -> None:
    """Measure licenses now, and wait until they are measured.

    Without --license, all licenses are measured. This process does the work, together with workers that run at
    the same time.

    \b
    Examples:
      allowance refresh
      allowance refresh --license acme --section channels --section sms
    """
    with open_runtime(start()) as runtime, progress("Refreshing") as report:
        sections = section_keys(runtime.registry, section or [])
        with runtime.database.read() as session:
            licenses = license_ids(session, license or [])
        failed = refresh_licenses(runtime, licenses, sections, report)
    for problem in failed:
        typer.echo(problem, err=True)
    typer.echo(f"{len(licenses) - len(failed):,} of {len(licenses):,} licenses refreshed.")
    if failed:
        raise typer.Exit(1)


def refresh_licenses(
    runtime: Runtime, licenses: Mapping[str, int], sections: list[str] | None, report: Callable[[int, int], None]
) -> list[str]:
    """Refresh licenses, and wait until they are refreshed.

    Args:
        runtime: The runtime of this process, which takes part in the work.
        licenses: The ids of the licenses by their keys.
        sections: The sections to measure; None for all.
        report: A function that gets the number of refreshed licenses, and of all, now and then.

    Returns:
        A line for each license whose refresh failed.
    """
    failed: list[str] = []
    keys = list(licenses)
    for first in range(0, len(keys), _AT_ONCE):
        part = {licenses[key]: key for key in keys[first : first + _AT_ONCE]}
        runs = _request(runtime, list(part), sections)
        while left := _unfinished(runtime, runs):
            report(first + len(part) - left, len(keys))
            if not refresh_due(runtime):
                sleep(_PAUSE)
        failed += [f"{part[run.license_id]}: {run.problem}" for run in _failed(runtime, runs)]
    return failed


def _request(runtime: Runtime, license_ids: Sequence[int], sections: list[str] | None) -> list[str]:
    with runtime.database.write() as session:
        now = datetime.now(UTC)
        return [run.id for run in request_refresh(session, license_ids, sections, now, by=author())]


def _unfinished(runtime: Runtime, runs: Sequence[str]) -> int:
    with runtime.database.read() as session:
        waiting = select(func.count()).where(col(RefreshRun.id).in_(runs), col(RefreshRun.finished_at).is_(None))
        return session.exec(waiting).one()


def _failed(runtime: Runtime, runs: Sequence[str]) -> Sequence[RefreshRun]:
    with runtime.database.read() as session:
        failed = col(RefreshRun.status) == RefreshStatus.FAILED
        return session.exec(select(RefreshRun).where(col(RefreshRun.id).in_(runs), failed)).all()
