"""``allowance plugins``: the installed plugins, those that cannot be loaded, and those that pause."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session

from cli.setup import start
from cli.tables import Column, Json, show_list, to_the_minute
from core.administration.orphans import find_orphans
from core.plugins.breaker import Pauses, load_pauses
from core.plugins.operators import confirm_plugin, forget_plugin, pause_plugin, resume_plugin
from core.plugins.registry import InstalledPlugin
from core.runtime import open_runtime

app = typer.Typer(
    help="Show the plugins with their meters, and their problems; pause, resume, confirm and forget plugins.",
    invoke_without_command=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the plugin.")]


@app.callback()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Show the plugins with their meters, and their problems; pause, resume, confirm and forget plugins.

    A plugin that cannot be loaded adds nothing, or what it declared when it was last loaded, without new readings;
    everything else runs. The log above the table has the error that its code raised. A meter that hangs, crashes or
    takes too much memory pauses, longer with each failure. The exit status is 1 if a plugin or meter has a problem.
    """
    if context.invoked_subcommand:
        return
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        pauses = load_pauses(session)
        rows = [_row(plugin, pauses) for plugin in runtime.registry.plugins]
    show_list(_COLUMNS, rows, as_json=as_json)
    if any(problem or pausing for _, _, _, problem, _, pausing, *_ in rows):
        raise typer.Exit(1)


@app.command()
def pause(name: Name) -> None:
    """Measure no meter of a plugin until it is resumed. Events of its types are taken and counted."""
    _change(lambda session: pause_plugin(session, name, datetime.now(UTC)), f"The plugin {name} is paused.")


@app.command()
def resume(name: Name) -> None:
    """Measure the meters of a plugin again, also those that pause because they failed."""
    _change(lambda session: resume_plugin(session, name), f"The plugin {name} is measured again.")


@app.command()
def confirm(name: Name) -> None:
    """Let a plugin change kinds of event types or units of meters when it is next loaded."""
    _change(
        lambda session: confirm_plugin(session, name),
        f"The plugin {name} may change kinds and units. Restart the servers and workers.",
    )


@app.command()
def forget(name: Name) -> None:
    """Forget what a plugin declared, so that other plugins can have its keys."""
    _change(lambda session: forget_plugin(session, name), f"The plugin {name} holds no keys any more.")


@app.command()
def orphans(as_json: Json = False) -> None:
    """Show terms and meters of contracts, and event types with usage, that no installed meter knows."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        rows = [(one.kind, one.key, one.licenses) for one in find_orphans(session, runtime.registry)]
    show_list((Column("kind", "Kind"), Column("key", "Key"), Column("licenses", "Licenses")), rows, as_json=as_json)


def _change(change: Callable[[Session], None], done: str) -> None:
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        change(session)
    typer.echo(done)


def _row(plugin: InstalledPlugin, pauses: Pauses) -> tuple[object, ...]:
    pausing = [
        {"meter": one.meter, "code": one.code, "failures": one.failures, "since": one.since, "until": one.until}
        for one in pauses.of_meters(plugin.meters)
    ]
    return (
        plugin.name,
        plugin.distribution,
        plugin.version,
        {"code": plugin.problem.code, "message": plugin.problem.message} if plugin.problem else None,
        pauses.is_paused(plugin.name),
        pausing,
        [meter.key for meter in plugin.meters],
        [notifier.key for notifier in plugin.notifiers],
    )


def _in_words(pausing: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['meter']} until {to_the_minute(one['until'])} ({one['code']})" for one in pausing)


_COLUMNS = (
    Column("name", "Plugin"),
    Column("distribution", "Distribution"),
    Column("version", "Version"),
    Column("problem", "State", lambda problem: f"{problem['code']}: {problem['message']}" if problem else "loaded"),
    Column("paused", "Paused"),
    Column("pausing", "Meters that pause (UTC)", _in_words),
    Column("meters", "Meters"),
    Column("notifiers", "Notifiers"),
)
