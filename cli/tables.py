"""Lists on standard output: as tables for people, or as JSON for programs.

A table is as wide as the terminal, or without a terminal as wide as needed. JSON has the whole values of a table that
shortens them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDEST: Final = 100_000

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def text_of(value: object) -> str:
    """Return a value as a table shows it: times in UTC to the minute, decimals in plain digits, True as "yes"."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case datetime():
            return to_the_minute(value)
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return ", ".join(map(text_of, value))
        case _:
            return str(value)


class Column(NamedTuple):
    """A column: the name of the field in JSON, the heading in a table, and how a table shows a value."""

    field: str
    heading: str
    text: Callable[[Any], str] = text_of


def show_list(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, as_json: bool) -> None:
    """Print rows of values as a table, or as a JSON array with an object for each row."""
    if as_json:
        print_json([dict(zip((column.field for column in columns), row, strict=True)) for row in rows])
        return
    texts = ([column.text(value) for column, value in zip(columns, row, strict=True)] for row in rows)
    show_table([column.heading for column in columns], texts)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of plain text under their headings. The first column, which names the row, is never wrapped."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(columns):
        table.add_column(title, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))  # Text, since names may look like markup
    console = Console()
    if not console.is_terminal:
        console = Console(width=Console(width=_WIDEST).measure(table).maximum)
    console.print(table)


def print_json(value: object) -> None:
    """Print a value as JSON: times in RFC 3339, decimals as numbers."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def to_the_minute(time: datetime | None) -> str:
    """Return a time in UTC to the minute, or an empty text for None."""
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")
