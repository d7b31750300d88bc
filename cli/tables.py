"""Tables on standard output: as wide as the terminal, or without a terminal as wide as needed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.text import visible

_WIDEST: Final = 100_000


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of plain text under their headings. The first column, which names the row, is never wrapped."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(columns):
        table.add_column(title, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))  # Text, since names may look like markup
    console = Console()
    if not console.is_terminal:
        console = Console(width=Console(width=_WIDEST).measure(table).maximum)
    console.print(table)


def to_the_minute(time: datetime | None) -> str:
    """Return a time in UTC to the minute, or an empty text for None."""
    return f"{time:%Y-%m-%d %H:%M}" if time else ""
