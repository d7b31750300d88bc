"""``allowance entities``: the entities of licenses, listed, closed and renamed."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from cli.author import author
from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list
from core.administration.close_entity import close_entity
from core.administration.inputs import ClosingInput, RenamingInput
from core.administration.rename_entity import rename_entity
from core.errors import BadInput
from core.runtime import open_runtime
from core.text import shown
from core.usage.entities import list_entities

app = typer.Typer(help="List, close and rename the entities of a license.", no_args_is_help=True)

License = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]
Entity = Annotated[str, typer.Argument(metavar="ENTITY", help="The entity, in any spelling.")]


_COLUMNS = (
    Column("name", "Entity"),
    Column("label", "Shown as"),
    Column("closedFrom", "Closed from"),
    Column("into", "Merged into"),
    Column("changedBy", "Changed by"),
)


@app.callback()
def entities() -> None:
    """List, close and rename the entities of a license."""


@app.command("list")
def list_(license: License, as_json: Json = False) -> None:
    """Show the entities of a license: all that usage or a grant of credits has named."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        [license_id] = license_ids(session, [license]).values()
        rows = [
            (one.name, one.label, one.closed_from, one.into, one.changed_by)
            for one in list_entities(session, license_id)
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def close(
    license: License,
    entity: Entity,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="The first day on which it is closed, as 2026-05-01. [today, UTC]"),
    ] = None,
    into: Annotated[
        str | None, typer.Option(metavar="ENTITY", help="The entity that takes over. It may be new.")
    ] = None,
) -> None:
    """Close an entity from a day on, or merge it into another.

    From that day on the entity is no part of current levels: the entity that takes over reports its own. What it has
    counted stays counted. Later usage that names it counts for the entity that takes over, which has its credits as
    well; without one, later usage is rejected. History is measured again from that day on. Closing it again replaces
    the day and the entity that takes over.

    \b
    Examples:
      allowance entities close acme north --from 2026-05-01 --into all
      allowance entities close acme pop-up-store
    """
    day = datetime.now(UTC).date() if from_ is None else _day(from_)
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        given = ClosingInput(license, entity, day, into)
        closed = close_entity(session, given, author(), datetime.now(UTC))
        name, successor = closed.name, closed.into
    merged = f", and merged into {successor}" if successor else ""
    typer.echo(f"The entity {name} of {license} is closed from {day} on{merged}.")


@app.command()
def rename(
    license: License, entity: Entity, name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")]
) -> None:
    """Rename an entity: breakdowns show the new name, and usage may use it.

    The names before stay names of the entity. To join two entities, close one of them into the other.

    \b
    Example:
      allowance entities rename acme be "Belgium and Luxembourg"
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        given = RenamingInput(license, entity, name)
        renamed = rename_entity(session, given, author(), datetime.now(UTC)).name
    typer.echo(f"The entity {renamed} of {license} is shown as {name}.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--from: {shown(text)} is not a day. Write it as 2026-05-01.") from None
