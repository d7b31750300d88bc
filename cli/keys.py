"""``allowance keys``: who may do what over the API."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.setup import start
from cli.tables import show_table
from core.access.keys import Scope, create_key, list_keys, revoke_key
from core.runtime import open_runtime

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, as people will know it.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for several.")],
    license: Annotated[str | None, typer.Option(metavar="KEY", help="The one license that it is for.")] = None,
    all_licenses: Annotated[bool, typer.Option("--all-licenses", help="It is for every license.")] = False,
) -> None:
    """Make a key and print its token, once, alone on the last line.

    Only a digest of the token is kept: whoever loses it needs a new key.

    \b
    Examples:
      allowance keys create mailer --license acme --scope usage:write
      allowance keys create console --all-licenses --scope operate --scope consumption:read
      TOKEN=$(allowance keys create script --license acme --scope consumption:read | tail -n 1)
    """
    if (license is None) is not all_licenses:
        raise typer.BadParameter("give either --license KEY or --all-licenses.")
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        key, token = create_key(session, name, scope, license, datetime.now(UTC))
    typer.echo(f"Key {key.id} was made. This is its token; it is not shown again:", err=True)
    typer.echo(token)


@app.command("list")
def list_() -> None:
    """Show all keys, the newest first. Tokens are not kept, so they are not shown."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        rows = [
            (
                key.id,
                key.name,
                license or "all licenses",
                ", ".join(key.scopes),
                f"{key.created_at:%Y-%m-%d %H:%M}",
                f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "",
            )
            for key, license in list_keys(session)
        ]
    show_table(("Key", "Name", "License", "Scopes", "Created (UTC)", "Revoked (UTC)"), rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as 'allowance keys list' shows it.")],
) -> None:
    """End a key: within a second nothing opens by it. Ending it again changes nothing."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        revoked = revoke_key(session, key)
    typer.echo(f"Key {revoked.id} ({revoked.name}) opens nothing any more.")
