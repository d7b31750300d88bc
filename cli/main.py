"""The operator's command, ``allowance``."""

import gc
import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Final

import typer

from core.errors import AllowanceError

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Serve the page My consumption, GraphQL and events over HTTP.",
    "worker": "Refresh meters in the background.",
    "migrate": "Bring the database to the schema of this version.",
    "refresh": "Measure licenses now, and wait until they are measured.",
    "measure-again": "Measure the past again, and wait until it is measured: for meters that are new or mended.",
    "recount": "Recount the ledger, and compare it with the sums that meters read.",
    "plugins": "Show the plugins with their meters, and their problems; pause, resume, confirm and forget plugins.",
    "licenses": "List licenses; import licenses, contracts and grants from files; suspend and resume licenses; "
    "set contacts.",
    "consumption": "Draw the consumption of a license: usage against limits, with statuses.",
    "report": "Report what a contract committed and what was used of it, also under other terms.",
    "usage": "Show the usage of a license over time, by entity and dimension.",
    "explain": "Explain a number: the usage, the events and the contract behind a reading.",
    "export": "Export usage, history, alerts, readings or contract commitments as CSV, JSON lines or Parquet.",
    "contracts": "List the versions of a contract, and take versions back.",
    "events": "Import usage events from files, and correct counted usage.",
    "keys": "Create, list and revoke API keys.",
    "sessions": "Create sessions to try them out, list and end them.",
    "alerts": "Show crossed thresholds and forecasts with their deliveries, and repeat failed deliveries.",
    "mail": "Show who gets the e-mails of a license, and change it.",
    "outbox": "Count deliveries by status, show those that failed, and repeat them.",
    "webhooks": "Manage webhook endpoints of licenses, and show their deliveries.",
    "credits": "Show requests for credits and grants, grant or decline credits, and void grants.",
    "entities": "List, close and rename the entities of a license.",
    "sbom": "Write the bill of materials of this installation as CycloneDX JSON.",
    "check-in": "Free places of hard quotas, sign installations, and simulate check-ins.",
}
"""The commands, each in the module of its name, with its line in the list of all commands."""

MANY_OBJECTS: Final = 200_000


def command_line(arguments: Collection[str]) -> typer.Typer:
    """Return the command line, in which only the commands that occur in `arguments` can be run.

    The others are listed by name and help. Importing all of them takes several times as long as most commands run.
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
            app.command(name)(getattr(module, name.replace("-", "_")))
    return app


def main() -> None:
    """Run the command. Errors that an operator can fix are one line on standard error, with exit status 1."""
    # Python looks for garbage after every 700 new objects. Imports make very many, and no garbage.
    gc.set_threshold(MANY_OBJECTS, 20, 20)
    try:
        command_line(sys.argv[1:])()
    except (AllowanceError, OSError) as error:
        message = error.message if isinstance(error, AllowanceError) else str(error)
    except Exception as error:
        from cli.database_errors import operator_message  # noqa: PLC0415 - takes longer to import than most commands to run

        fixable = operator_message(error)
        if fixable is None:
            raise
        message = fixable
    typer.echo(message, err=True)
    sys.exit(1)


def _named_alone() -> None:
    """Stand for a command that is not run."""
    raise AssertionError
