"""``allowance plugins``: what is installed, and what of it could not be loaded."""

from cli.setup import start
from cli.tables import show_table
from core.plugins.host import load_plugins


def plugins() -> None:
    """Show every plugin with its meters, or its problem.

    A plugin with a problem adds nothing, and everything else runs. What its code raised stands in the log
    above the table.
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
