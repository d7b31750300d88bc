"""``allowance check-in secret`` and ``signatures``: the secret that signs installations, and who must be signed."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.author import author
from cli.lookups import license_ids
from cli.setup import start
from cli.tables import to_the_minute
from core.administration.sign_check_ins import (
    MOST_OVERLAP_DAYS,
    OVERLAP_DAYS,
    require_signatures,
    rotate_check_in_secret,
)
from core.admission.tables import CheckInSecret
from core.runtime import open_runtime

License = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]


def secret(
    license: License,
    overlap_days: Annotated[
        int,
        typer.Option(
            min=0, max=MOST_OVERLAP_DAYS, help="Days for which the present secret signs as well; 0 ends it at once."
        ),
    ] = OVERLAP_DAYS,
) -> None:
    """Give a license its first or a new secret for signing installations, and print it on the last line.

    The platform that sets installations up signs their identifiers with the secret. It is shown only once. Signatures
    are not required before `allowance check-in signatures LICENSE --require`.
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        row = rotate_check_in_secret(session, license, overlap_days, author(), datetime.now(UTC))
        made, until = row.secret, row.previous_until
    if until:
        typer.echo(f"The old secret signs until {to_the_minute(until)} UTC.", err=True)
    typer.echo(f"This is the secret of {license}; it is not shown again:", err=True)
    typer.echo(made)


def signatures(
    license: License,
    required: Annotated[
        bool | None,
        typer.Option(
            "--require/--optional",
            help="Whether an installation needs a signature to take a place.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show or change whether installations of a license must be signed to take a place.

    Installations that have a place stay served without a signature until the window ends.

    \b
    Examples:
      allowance check-in signatures acme
      allowance check-in signatures acme --require
    """
    with open_runtime(start()) as runtime:
        if required is not None:
            with runtime.database.write() as session:
                require_signatures(session, license, author(), datetime.now(UTC), required=required)
        with runtime.database.read() as session:
            row = session.get(CheckInSecret, license_ids(session, [license])[license])
    if row is None:
        typer.echo(f"{license} has no secret: signatures are not checked.")
        return
    typer.echo(f"{license}: signatures are {'required' if row.required else 'optional'}")
    typer.echo(f"secret made {to_the_minute(row.made_at)} UTC")
    if row.previous_until and row.previous_until > datetime.now(UTC):
        typer.echo(f"the secret before it signs until {to_the_minute(row.previous_until)} UTC")
    typer.echo(f"changed {to_the_minute(row.changed_at)} UTC by {row.changed_by}")
