"""The operator's command, ``allowance``."""

import sys

import typer
from sqlalchemy.exc import DatabaseError, OperationalError

from cli import alerts, check_in, credits, events, keys, licenses, outbox, webhooks
from cli.migrate import migrate
from cli.plugins import plugins
from cli.recount import recount
from cli.refresh import refresh
from cli.serve import serve
from cli.worker import worker
from core.errors import AllowanceError

app = typer.Typer(
    help="Allowance shows what a license allows, what has been used of it, and what is left.",
    epilog="Settings come from the environment (ALLOWANCE_DATABASE_URL, …) and from allowance.toml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for command in (serve, worker, migrate, refresh, recount, plugins):
    app.command()(command)
app.add_typer(licenses.app, name="licenses")
app.add_typer(events.app, name="events")
app.add_typer(keys.app, name="keys")
app.add_typer(alerts.app, name="alerts")
app.add_typer(outbox.app, name="outbox")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(credits.app, name="credits")
app.add_typer(check_in.app, name="check-in")


def main() -> None:
    """Run the command. What an operator can mend is said in a line on standard error, with exit status 1."""
    try:
        app()
    except AllowanceError as error:
        message = error.message
    except DatabaseError as error:
        if type(error) not in (DatabaseError, OperationalError):
            raise  # a statement of ours is wrong
        message = f"The database does not answer: {str(error.orig).strip()}"
    except OSError as error:
        message = str(error)
    typer.echo(message, err=True)
    sys.exit(1)
