"""``allowance check-in free`` and ``freed``: places of hard quotas that are freed, and the record of them."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from sqlmodel import col, select

from cli.author import author
from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list, to_the_minute
from core.administration.free_places import find_places, free_places
from core.administration.inputs import FreeingInput
from core.admission.quota_meters import QuotaMeters
from core.admission.tables import FreedPlaces
from core.runtime import open_runtime
from core.text import shown

MOST: Final = 100
"""Records that `freed` shows."""
_NAMED: Final = 10
"""Installations that `free` names before it asks."""
_COLUMNS: Final = (
    Column("freedAt", "Freed at"),
    Column("freedBy", "Freed by"),
    Column("note", "Note"),
    Column("meter", "Meter"),
    Column("freed", "Places"),
    Column("installation", "Installation"),
    Column("firstSeenFrom", "First seen from"),
    Column("firstSeenBefore", "Before"),
)
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]

License = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]


def free(
    license: License,
    meter: Annotated[
        str | None, typer.Argument(metavar="[METER]", help="The meter with the quota. [active_installations]")
    ] = None,
    installation: Annotated[
        str | None, typer.Option(metavar="ID", help="The identifier of the installation whose place is freed.")
    ] = None,
    first_seen_from: Annotated[
        datetime | None,
        typer.Option(formats=_FORMATS, metavar="TIME", help="Free those of installations first seen since, in UTC."),
    ] = None,
    first_seen_before: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, metavar="TIME", help="And before this time, in UTC.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="The reason, for people.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Free places of a hard quota in the present window, such as those of made-up installations.

    The command shows how many places it frees and of whom, and asks. As many other installations can take a place
    at once. An installation whose place was freed may check in again: it gets a place if one is left. It is served by
    another server for up to a second more. The record shows who freed the places, when and why.

    \b
    Examples:
      allowance check-in free acme --installation 6f1c-0a97 --note "made up"
      allowance check-in free acme --first-seen-from 2026-03-05T10:00 --first-seen-before 2026-03-05T11:00
    """
    given = FreeingInput(license, installation, _utc(first_seen_from), _utc(first_seen_before), note)
    with open_runtime(start()) as runtime:
        admission = QuotaMeters(runtime.registry).find(meter)
        with runtime.database.read() as session:
            places = find_places(session, given, admission, datetime.now(UTC))
        if not places:
            typer.echo(f"No such installation of {license} has a place in the present window. Nothing was freed.")
            return
        typer.echo(f"{len(places):,} of the places of {license} will be free:")
        for place in places[:_NAMED]:
            name = shown(place.identifier) if place.identifier else f"(digest {place.digest.hex()})"
            seen = f", first seen {to_the_minute(place.first_seen)}" if place.first_seen else ""
            typer.echo(f"  {name}{seen}")
        if len(places) > _NAMED:
            typer.echo(f"  and {len(places) - _NAMED:,} more")
        if not yes:
            typer.confirm("Free them?", abort=True)
        with runtime.database.write() as session:
            record = free_places(session, given, admission, author(), datetime.now(UTC))
            freed = record.freed if record else 0
    typer.echo(f"{freed:,} places of {license} are free.")


def freed(license: License, as_json: Json = False) -> None:
    """Show the places of a license that were freed, newest first, at most 100 records."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        [license_id] = license_ids(session, [license]).values()
        of_license = select(FreedPlaces).where(FreedPlaces.license_id == license_id)
        newest_first = of_license.order_by(col(FreedPlaces.freed_at).desc(), col(FreedPlaces.generation).desc())
        rows = [
            (
                *(one.freed_at, one.freed_by, one.note, one.meter, one.freed),
                *(one.identifier, one.first_seen_from, one.first_seen_before),
            )
            for one in session.exec(newest_first.limit(MOST))
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)
