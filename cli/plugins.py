"""``allowance plugins``: the installed plugins, and those that cannot be loaded."""

from cli.setup import start
from cli.tables import show_table
from core.plugins.host import load_plugins


def plugins() -> None:
    """Show the plugins with their meters, and those that cannot be loaded.

    A plugin that cannot be loaded adds nothing; everything else runs. The log above the table has the error that
    its code raised.
    """
    start()
    rows = [
        (
            plugin.name,
            plugin.distribution or "",
            plugin.version or "",
            f"{plugin.problem.code}: {plugin.problem.message}" if plugin.problem else "loaded",
            ", ".join(meter.key for meter in plugin.meters),
            ", ".join(notifier.key for notifier in plugin.notifiers),
        )
        for plugin in load_plugins().plugins
    ]
    show_table(("Plugin", "Distribution", "Version", "State", "Meters", "Notifiers"), rows)
