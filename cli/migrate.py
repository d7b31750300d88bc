"""``allowance migrate``: the migration of the database to the schema of this version."""

import logging

import typer

from cli.setup import start
from core.database.engine import Database
from core.migrations.upgrade import HEAD, upgrade
from core.usage.segment_tables import make_ahead


def migrate() -> None:
    """Bring the database to the schema of this version.

    The server does this by itself for the embedded SQLite database. For PostgreSQL, run it before the servers
    and workers of a new version start. Servers and workers may then have a role that may not create or drop tables: run
    the command once a month as the owner of the tables, as it makes segments of the ledger ahead.

    \b
    Example:
      ALLOWANCE_DATABASE_URL=postgresql://user@db/allowance allowance migrate
    """
    settings = start()
    logging.getLogger("alembic.runtime.migration").setLevel("INFO")
    database = Database(settings.database_url, settings.host_lost_seconds)
    try:
        upgrade(database)
        made = make_ahead(database)
    finally:
        database.close()
    typer.echo(f"{database.url.render_as_string(hide_password=True)} has the schema of this version ({HEAD}).")
    if not made:
        typer.echo("This role does not own the tables, so no segments of the ledger were made ahead.", err=True)
