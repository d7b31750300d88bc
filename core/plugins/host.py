"""The plugin host: loads the installed plugins. A plugin that cannot be loaded affects no other plugin.

The application's own plugins are imported into this process. A partner's plugin is imported in a child process, which
answers what the plugin declares.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from typing import Final

from allowance.contribution import HOOK_FAILED, Contribution, check_plugin
from allowance.errors import InvalidPlugin

from core.plugins.changed_kinds import find_changed_kind
from core.plugins.conflicts import find_conflicts
from core.plugins.discovery import distribution_of, find_entry_points, is_own, loading_order
from core.plugins.known import KnownPlugins, PluginId
from core.plugins.registry import InstalledPlugin, PluginProblem, Registry, build_registry
from core.plugins.sandbox.declaration_codec import decode_declarations
from core.plugins.sandbox.declare import MESSAGES, read_declarations
from core.plugins.sandbox.process import IMPORT_TIMEOUT, ProcessLost
from core.plugins.sandbox.protocol import IMPORT_FAILED
from core.plugins.source import PluginSource

logger = logging.getLogger(__name__)

LEFT_OUT: Final = "LEFT_OUT"

_AT_ONCE: Final = 4
"""The number of plugins that are imported at the same time."""


def load_plugins(
    entry_points: Iterable[EntryPoint] | None = None,
    *,
    known: KnownPlugins = KnownPlugins(),  # noqa: B008 - frozen
    without: Collection[str] = (),
    safe_mode: bool = False,
    import_timeout: timedelta = IMPORT_TIMEOUT,
) -> Registry:
    """Load the plugins, check them and return what they contribute.

    A plugin that fails is in the registry with its problem. No error of a plugin is raised. The application's own
    plugins come first, then partners' plugins in the order in which they were first loaded, then new ones by name.

    Args:
        entry_points: The entry points of the plugins; None for all that are installed.
        known: The plugins that were loaded before. Their last declarations stand for them while they cannot be loaded.
        without: The names of partners' plugins to leave out.
        safe_mode: Whether to leave out all partners' plugins.
        import_timeout: The longest time for the import of a partner's plugin.
    """
    found = sorted(find_entry_points() if entry_points is None else entry_points, key=loading_order)
    own = [_load_own(entry_point) for entry_point in found if is_own(entry_point)]
    partners = [entry_point for entry_point in found if not is_own(entry_point)]
    left_out = {entry_point.name for entry_point in partners if safe_mode} | set(without)
    with ThreadPoolExecutor(_AT_ONCE, "import") as threads:
        loaded = threads.map(lambda entry_point: _load_apart(entry_point, left_out, import_timeout), partners)
    checked = [_check_kinds(plugin, known) for plugin in sorted(loaded, key=known.rank)]
    plugins = _reject_conflicts([*own, *(_standing(plugin, known) for plugin in checked)], known)
    # What a rejected plugin declared when it was last loaded may be in conflict as well.
    return build_registry(_reject_conflicts([_standing(plugin, known) for plugin in plugins], known))


def _reject_conflicts(plugins: Sequence[InstalledPlugin], known: KnownPlugins) -> list[InstalledPlugin]:
    """Return the plugins, those without their contributions that cannot be loaded beside the plugins before them."""
    conflicts = find_conflicts(plugins, known)
    return [_reject(plugin, conflicts[index]) if index in conflicts else plugin for index, plugin in enumerate(plugins)]


def _check_kinds(plugin: InstalledPlugin, known: KnownPlugins) -> InstalledPlugin:
    """Refuse a plugin that gives what was stored another meaning, unless an operator has confirmed it."""
    before = known.plugins.get(PluginId.of(plugin))
    if plugin.problem or before is None or before.confirmed:
        return plugin
    last = decode_declarations(before.declared, PluginSource(plugin.name, ""), is_loaded=False)
    problem = find_changed_kind(plugin.name, last, plugin.contribution)
    return _reject(plugin, problem) if problem else plugin


def _standing(plugin: InstalledPlugin, known: KnownPlugins) -> InstalledPlugin:
    """Return a plugin, one that cannot be loaded with its last declarations, if it was loaded before.

    Events of its types are taken and counted, and its readings stay, until it is loaded again.
    """
    before = known.plugins.get(PluginId.of(plugin))
    if plugin.problem is None or before is None:
        return plugin
    return _contributing(plugin, decode_declarations(before.declared, PluginSource(plugin.name, ""), is_loaded=False))


def _named(entry_point: EntryPoint) -> InstalledPlugin:
    distribution, version = distribution_of(entry_point)
    return InstalledPlugin(entry_point.name, version, distribution, None, (), (), datetime.now(UTC))


def _load_own(entry_point: EntryPoint) -> InstalledPlugin:
    try:
        return _contributing(_named(entry_point), _contribution_of(entry_point))
    except InvalidPlugin as error:
        return _reject(_named(entry_point), PluginProblem(error.code, error.message), error)


def _load_apart(entry_point: EntryPoint, left_out: Collection[str], import_timeout: timedelta) -> InstalledPlugin:
    plugin = _named(entry_point)
    if plugin.name in left_out:
        return _reject(plugin, PluginProblem(LEFT_OUT, "The operator left the plugin out."))
    logger.info("Importing the plugin %s (%s %s).", plugin.name, plugin.distribution, plugin.version)
    try:
        return _contributing(plugin, read_declarations(PluginSource(plugin.name, entry_point.value), import_timeout))
    except InvalidPlugin as error:
        return _reject(plugin, PluginProblem(error.code, error.message), error)


def _contributing(plugin: InstalledPlugin, contribution: Contribution) -> InstalledPlugin:
    return replace(
        plugin,
        sections=contribution.sections,
        meters=contribution.meters,
        notifiers=contribution.notifiers,
        event_types=contribution.event_types,
    )


def _contribution_of(entry_point: EntryPoint) -> Contribution:
    """Import a plugin of the application and call its hooks.

    Raises:
        InvalidPlugin: For any error of the plugin.
    """
    try:
        module = entry_point.load()
    except Exception as error:
        raise InvalidPlugin(IMPORT_FAILED, MESSAGES[IMPORT_FAILED]) from error
    try:
        return check_plugin(module)
    except InvalidPlugin:
        raise
    except Exception as error:
        raise InvalidPlugin(HOOK_FAILED, MESSAGES[HOOK_FAILED]) from error


def _reject(plugin: InstalledPlugin, problem: PluginProblem, error: InvalidPlugin | None = None) -> InstalledPlugin:
    """Log the problem and return the plugin with it and without any contribution."""
    cause = error.__cause__ if error else None
    in_child = isinstance(cause, ProcessLost)
    logger.error(
        "Plugin %s (%s %s) is not loaded: %s: %s%s",
        *(plugin.name, plugin.distribution, plugin.version, problem.code, problem.message),
        f"\n{cause}" if in_child else "",
        exc_info=None if in_child else error,
    )
    return replace(plugin, problem=problem, sections=(), meters=(), notifiers=(), event_types={})
