"""Tables on standard output: as wide as the terminal, and where there is none, as wide as they need."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of plain text under their headings."""
    console = Console()
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        # Text, since what people named something may look like markup.
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    if not console.is_terminal:
        console = Console(width=max(console.measure(table).maximum, 1))
    console.print(table)
