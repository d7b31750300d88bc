"""The plugin host: loads the installed plugins. A plugin that cannot be loaded affects no other plugin."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Final

from allowance.contribution import HOOK_FAILED, Contribution, check_plugin
from allowance.errors import InvalidPlugin

from core.plugins.conflicts import find_conflicts
from core.plugins.discovery import distribution_of, find_entry_points, loading_order
from core.plugins.registry import InstalledPlugin, PluginProblem, Registry, build_registry

logger = logging.getLogger(__name__)

IMPORT_FAILED: Final = "IMPORT_FAILED"

_REMEDY: Final = "The operator finds the error in the log: correct the plugin, or uninstall its distribution."


def load_plugins(entry_points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load the plugins, check them and return what they contribute.

    A plugin that fails is in the registry with its problem. No error of a plugin is raised.

    Args:
        entry_points: The entry points of the plugins; None for all that are installed.
    """
    found = find_entry_points() if entry_points is None else entry_points
    plugins = [_load(entry_point) for entry_point in sorted(found, key=loading_order)]
    conflicts = find_conflicts(plugins)
    return build_registry(
        [_reject(plugin, conflicts[index]) if index in conflicts else plugin for index, plugin in enumerate(plugins)]
    )


def _load(entry_point: EntryPoint) -> InstalledPlugin:
    distribution, version = distribution_of(entry_point)
    plugin = InstalledPlugin(entry_point.name, version, distribution, None, (), (), datetime.now(UTC))
    try:
        contribution = _contribution_of(entry_point)
    except InvalidPlugin as error:
        return _reject(plugin, PluginProblem(error.code, error.message), error)
    return replace(
        plugin,
        sections=contribution.sections,
        meters=contribution.meters,
        notifiers=contribution.notifiers,
        event_types=contribution.event_types,
    )


def _contribution_of(entry_point: EntryPoint) -> Contribution:
    """Import a plugin and call its hooks.

    Raises:
        InvalidPlugin: For any error of the plugin, also SystemExit. Only KeyboardInterrupt passes.
    """
    try:
        module = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InvalidPlugin(IMPORT_FAILED, f"The module cannot be imported. {_REMEDY}") from error
    try:
        return check_plugin(module)
    except (InvalidPlugin, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise InvalidPlugin(HOOK_FAILED, f"The module cannot be read. {_REMEDY}") from error


def _reject(plugin: InstalledPlugin, problem: PluginProblem, error: BaseException | None = None) -> InstalledPlugin:
    """Log the problem and return the plugin with it and without any contribution."""
    logger.error(
        "Plugin %s (%s %s) is not loaded: %s: %s",
        plugin.name, plugin.distribution, plugin.version, problem.code, problem.message, exc_info=error,
    )  # fmt: skip
    return replace(plugin, problem=problem, sections=(), meters=(), notifiers=(), event_types={})
