"""``allowance plugins``: the installed plugins, and those that cannot be loaded."""

from cli.setup import start
from cli.tables import Column, Json, show_list
from core.plugins.host import load_plugins


def plugins(as_json: Json = False) -> None:
    """Show the plugins with their meters, and those that cannot be loaded.

    A plugin that cannot be loaded adds nothing; everything else runs. The log above the table has the error that
    its code raised.
    """
    start()
    rows = [
        (
            plugin.name,
            plugin.distribution,
            plugin.version,
            {"code": plugin.problem.code, "message": plugin.problem.message} if plugin.problem else None,
            [meter.key for meter in plugin.meters],
            [notifier.key for notifier in plugin.notifiers],
        )
        for plugin in load_plugins().plugins
    ]
    show_list(_COLUMNS, rows, as_json=as_json)


_COLUMNS = (
    Column("name", "Plugin"),
    Column("distribution", "Distribution"),
    Column("version", "Version"),
    Column("problem", "State", lambda problem: f"{problem['code']}: {problem['message']}" if problem else "loaded"),
    Column("meters", "Meters"),
    Column("notifiers", "Notifiers"),
)
