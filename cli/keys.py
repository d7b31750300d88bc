"""``allowance keys``: API keys and their rights."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.setup import start
from cli.tables import Column, Json, show_list
from core.access.keys import Scope, create_key, list_keys, revoke_key
from core.migrations.upgrade import open_database

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
_COLUMNS = (
    Column("id", "Key"),
    Column("name", "Name"),
    Column("license", "License", lambda license: license or "all licenses"),
    Column("scopes", "Scopes"),
    Column("createdAt", "Created (UTC)"),
    Column("revokedAt", "Revoked (UTC)"),
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people, such as the purpose of the key.")],
    scope: Annotated[list[Scope], typer.Option(help="A right of the key; repeat for several.")],
    license: Annotated[str | None, typer.Option(metavar="KEY", help="The only license that the key may use.")] = None,
    all_licenses: Annotated[bool, typer.Option("--all-licenses", help="The key may use every license.")] = False,
) -> None:
    """Create a key, and print its token on the last line. The token is shown only once.

    Only a digest of the token is stored: a lost token needs a new key.

    \b
    Examples:
      allowance keys create mailer --license acme --scope usage:write
      allowance keys create console --all-licenses --scope operate --scope consumption:read
      TOKEN=$(allowance keys create script --license acme --scope consumption:read | tail -n 1)
    """
    if (license is None) is not all_licenses:
        raise typer.BadParameter("give either --license KEY or --all-licenses.")
    with open_database(start().database_url) as database, database.write() as session:
        key, token = create_key(session, name, scope, license, datetime.now(UTC))
    typer.echo(f"Key {key.id} was created. This is its token; it is not shown again:", err=True)
    typer.echo(token)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show all keys, newest first. Tokens are not stored, so they cannot be shown."""
    with open_database(start().database_url) as database, database.read() as session:
        rows = [
            (
                key.id,
                key.name,
                license or (None if key.license_id is None else "(gone)"),
                key.scopes,
                key.created_at,
                key.revoked_at,
            )
            for key, license in list_keys(session)
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, as 'allowance keys list' shows it.")],
) -> None:
    """Revoke a key; it and its sessions stop working within a second. Revoking it again changes nothing."""
    with open_database(start().database_url) as database, database.write() as session:
        revoked = revoke_key(session, key)
    typer.echo(f"Key {revoked.id} ({revoked.name}) is revoked.")
