"""``allowance sessions``: short-lived tokens for browsers."""

from typing import Annotated, Final

import typer

from cli.setup import start
from cli.tables import Column, Json, show_list, to_the_minute
from core.access.keys import Scope, find_caller_of_key
from core.access.person import Person, read_person, requester_name
from core.access.sessions import list_sessions
from core.administration.create_session import create_session
from core.administration.end_session import end_session
from core.administration.inputs import SessionInput
from core.migrations.upgrade import open_database

app = typer.Typer(help="Create sessions to try them out, list and end them.", no_args_is_help=True)
MOST: Final = 100
_COLUMNS: Final = (
    Column("id", "Session"),
    Column("license", "License"),
    Column("person", "Person"),
    Column("key", "Made with"),
    Column("createdAt", "Created (UTC)"),
    Column("expiresAt", "Ends (UTC)"),
)


@app.command()
def create(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The key of the license that the session reads.")],
    key: Annotated[
        str, typer.Option(metavar="KEY", help="The id of the key that the session belongs to; 'allowance keys list'.")
    ],
    minutes: Annotated[int, typer.Option(help="The minutes until the session ends, from 1 to 1440.")] = 60,
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="The id of the person who gets the token, as a back end has it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The name of the person; needs --person.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="The person is an admin of the license.")] = False,
) -> None:
    """Create a session as a back end does with createSession, and print its token on the last line.

    Revoking the key ends the session, as does 'allowance sessions end'.

    \b
    Examples:
      allowance sessions create acme --key 4f0c2a9de1b3
      allowance sessions create acme --key 4f0c2a9de1b3 --minutes 1440 --person u-17 --name "Ann Smith"
    """
    if person is None and (name is not None or admin):
        raise typer.BadParameter("--name and --admin are about a person: give --person as well.")
    settings = start()
    given = SessionInput(
        license, (Scope.CONSUMPTION_READ,), minutes, None if person is None else Person(person, name, None, admin)
    )
    with open_database(settings.database_url) as database, database.write() as session:
        caller = find_caller_of_key(session, key)
        row, token = create_session(session, given, caller, settings.sessions_per_key)
        ends = to_the_minute(row.expires_at)
    typer.echo(f"The session ends at {ends} UTC. This is its token; it is not shown again:", err=True)
    typer.echo(token)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show the sessions that have not ended, newest first, at most 100. Their tokens are not stored."""
    with open_database(start().database_url) as database, database.read() as session:
        rows = [
            (
                row.id,
                license,
                requester_name(read_person(row.person), "") or None,
                key,
                row.created_at,
                row.expires_at,
            )
            for row, key, license in list_sessions(session, MOST)
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def end(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="The session's id, as 'allowance sessions list' shows it.")
    ],
) -> None:
    """End a session now; its token stops working within a second. Ending it again changes nothing."""
    with open_database(start().database_url) as database, database.write() as writing:
        ended = to_the_minute(end_session(writing, session, None).expires_at)
    typer.echo(f"Session {session} ended at {ended} UTC.")
