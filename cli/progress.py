"""The progress of long commands, on standard error: a bar on a terminal, else a line every few seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Report = Callable[[int, int], None]
"""A function that takes the number of finished items and the number of all items."""

_SECONDS: Final = 5
"""Seconds between two lines."""


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show the progress of the block, which it reports to the function that is yielded."""
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
    shown_at = monotonic()

    def report(done: int, total: int) -> None:
        nonlocal shown_at
        if total and monotonic() - shown_at > _SECONDS:
            shown_at = monotonic()
            typer.echo(f"{title}: {100 * done // total} %", err=True)

    return report
