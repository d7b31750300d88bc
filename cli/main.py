"""The operator's command, ``allowance``."""

import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Final

import typer

from core.errors import AllowanceError

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Serve GraphQL, events and GraphiQL over HTTP.",
    "worker": "Refresh meters in the background.",
    "migrate": "Bring the database to the schema of this version.",
    "refresh": "Measure licenses now, and wait until that is done.",
    "recount": "Recount the ledger against what meters read.",
    "plugins": "Show every plugin with its meters, or its problem.",
    "licenses": "Bring in licenses, contracts and grants.",
    "events": "Bring in usage events.",
    "keys": "Make, list and revoke API keys.",
    "alerts": "Show the thresholds that were crossed, and send what was told of them again.",
    "outbox": "Count deliveries by what became of them, show those that failed or are parked, and send these again.",
    "webhooks": "Send a license's messages to the endpoints of platforms, and show what became of them.",
    "credits": "Show the requests for credits, and grant credits.",
    "check-in": "Hard quotas: how installations that check in are admitted.",
}
"""The commands, each in the module of its name, and the line that each has in the list of all."""


def command_line(arguments: Collection[str]) -> typer.Typer:
    """Return the command line, in which only the commands that occur in `arguments` can be run.

    The others are there by name and help. To import all of them takes several times as long as most need to run.
    """
    app = typer.Typer(
        help="Allowance shows what a license allows, what has been used of it, and what is left.",
        epilog="Settings come from the environment (ALLOWANCE_DATABASE_URL, …) and from allowance.toml.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    for name, line in COMMANDS.items():
        if name not in arguments:
            app.command(name, help=line)(_named_alone)
            continue
        module = import_module(f"cli.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def main() -> None:
    """Run the command. What an operator can mend is said in a line on standard error, with exit status 1."""
    try:
        command_line(sys.argv[1:])()
    except (AllowanceError, OSError) as error:
        message = error.message if isinstance(error, AllowanceError) else str(error)
    except Exception as error:
        from cli.database_errors import mendable  # noqa: PLC0415 - takes longer to import than most commands to run

        said = mendable(error)
        if said is None:
            raise
        message = said
    typer.echo(message, err=True)
    sys.exit(1)


def _named_alone() -> None:
    """Stand for a command that is not run."""
    raise AssertionError
