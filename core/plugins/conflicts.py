"""Conflicts between plugins: keys and event types that are taken, and sections that no plugin contributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allowance import EventType

from core.nearest import did_you_mean
from core.plugins.discovery import is_own_distribution
from core.plugins.known import KnownPlugins, PluginId, keys_of
from core.plugins.registry import InstalledPlugin, PluginProblem

CONFLICT: Final = "CONFLICT"
UNKNOWN_SECTION: Final = "UNKNOWN_SECTION"


def find_conflicts(
    plugins: Sequence[InstalledPlugin],
    known: KnownPlugins = KnownPlugins(),  # noqa: B008 - frozen
) -> dict[int, PluginProblem]:
    """Return the problem of each plugin that cannot be loaded beside the plugins before it.

    A plugin without its section is left out, which may free keys for other plugins and may remove further sections.
    The search therefore starts again without it, until no further section is missing.

    Args:
        plugins: The plugins in the order of loading.
        known: The holders of keys, who keep them whether they are installed or not.

    Returns:
        The problems by index in `plugins`.
    """
    without_section: dict[int, PluginProblem] = {}
    while True:
        problems = dict(without_section)
        owners = _Owners()
        for index, plugin in enumerate(plugins):
            if index in problems:
                continue
            conflict = _held_by_another(plugin, known) or owners.conflict_with(plugin)
            if conflict:
                problems[index] = conflict
            else:
                owners.add(plugin)
        missing = {
            index: problem
            for index, plugin in enumerate(plugins)
            if index not in problems and (problem := owners.missing_section_of(plugin))
        }
        if not missing:
            return problems
        without_section |= missing


@dataclass(slots=True)
class _Owners:
    """The plugin that owns each key and each event type."""

    sections: dict[str, InstalledPlugin] = field(default_factory=dict)
    meters: dict[str, InstalledPlugin] = field(default_factory=dict)
    notifiers: dict[str, InstalledPlugin] = field(default_factory=dict)
    event_types: dict[str, tuple[EventType, InstalledPlugin]] = field(default_factory=dict)

    def add(self, plugin: InstalledPlugin) -> None:
        self.sections |= {section.key: plugin for section in plugin.sections}
        self.meters |= {meter.key: plugin for meter in plugin.meters}
        self.notifiers |= {notifier.key: plugin for notifier in plugin.notifiers}
        for name, event_type in plugin.event_types.items():
            self.event_types.setdefault(name, (event_type, plugin))

    def conflict_with(self, plugin: InstalledPlugin) -> PluginProblem | None:
        return (
            _key_conflict("section", [section.key for section in plugin.sections], self.sections)
            or _key_conflict("meter", [meter.key for meter in plugin.meters], self.meters)
            or _key_conflict("notifier", [notifier.key for notifier in plugin.notifiers], self.notifiers)
            or self._event_type_conflict(plugin)
        )

    def missing_section_of(self, plugin: InstalledPlugin) -> PluginProblem | None:
        for meter in plugin.meters:
            if meter.section not in self.sections:
                near = did_you_mean(meter.section, self.sections)
                return PluginProblem(
                    UNKNOWN_SECTION,
                    f"The meter {meter.key!r} stands in the section {meter.section!r}, which no loaded plugin "
                    f"contributes.{near or ' Contribute it with the hook allowance_sections.'}",
                )
        return None

    def _event_type_conflict(self, plugin: InstalledPlugin) -> PluginProblem | None:
        for name, event_type in plugin.event_types.items():
            if name in self.event_types and self.event_types[name][0].kind != event_type.kind:
                known, owner = self.event_types[name]
                return PluginProblem(
                    CONFLICT,
                    f"The event type {name!r} is read as a {event_type.kind}, and is a {known.kind} of "
                    f"{_named(owner)}. Read it as a {known.kind}, or give the event type another name.",
                )
        return None


def _held_by_another(plugin: InstalledPlugin, known: KnownPlugins) -> PluginProblem | None:
    if is_own_distribution(plugin.distribution):
        return None  # the application's own keys come first
    for key in keys_of(plugin):
        holder = known.holders.get(key)
        if holder is not None and holder != PluginId.of(plugin):
            return PluginProblem(
                CONFLICT,
                f"The key {key.key!r} of a {key.kind} belongs to the plugin {holder.name!r}"
                f"{f' of {holder.distribution}' if holder.distribution else ''}, which had it first. Give the "
                f"{key.kind} another key. If that plugin is gone for good: allowance plugins forget {holder.name}",
            )
    return None


def _key_conflict(what: str, keys: Sequence[str], owners: Mapping[str, InstalledPlugin]) -> PluginProblem | None:
    for key in keys:
        if key in owners:
            return PluginProblem(
                CONFLICT,
                f"The key {key!r} of a {what} is taken by {_named(owners[key])}. Give the {what} another key.",
            )
    return None


def _named(plugin: InstalledPlugin) -> str:
    return f"the plugin {plugin.name!r}" + (f" of {plugin.distribution}" if plugin.distribution else "")
