"""Progress of long commands, on standard error: a bar on a terminal, elsewhere a plain line now and then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Report = Callable[[int, int], None]
"""Told how much is done, of how much."""

_SECONDS: Final = 5
"""Between two plain lines."""


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show how far the block is, by what it reports."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
        bars.update(task, completed=1, total=1)


def _plain(title: str) -> Report:
    typer.echo(f"{title} …", err=True)
    said = monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        if total and monotonic() - said > _SECONDS:
            said = monotonic()
            typer.echo(f"{title}: {100 * done // total} %", err=True)

    return report
