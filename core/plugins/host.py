"""Finds the installed plugins and takes what they contribute; a plugin that cannot be taken costs itself alone."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, distributions
from types import MappingProxyType
from typing import Final

from allowance import ENTRY_POINT_GROUP, EventType, Meter, Notifier, Section
from allowance.contribution import HOOK_FAILED, Contribution, check_plugin
from allowance.errors import InvalidPlugin

from core.nearest import did_you_mean

logger = logging.getLogger(__name__)

OWN_DISTRIBUTION: Final = "allowance-server"

IMPORT_FAILED: Final = "IMPORT_FAILED"
CONFLICT: Final = "CONFLICT"
UNKNOWN_SECTION: Final = "UNKNOWN_SECTION"

_MEND: Final = "The operator finds the error in the log: mend the plugin, or uninstall its distribution."


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plugin is not loaded. The message is fit for any caller: what its code raised is in the log alone.

    Codes: ``IMPORT_FAILED``, ``CONFLICT`` and ``UNKNOWN_SECTION``, and those of :mod:`allowance.contribution`.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin. With a `problem` it contributes nothing. `since` is when loading it was tried."""

    name: str
    version: str | None
    distribution: str | None
    problem: PluginProblem | None
    sections: tuple[Section, ...]
    meters: tuple[Meter, ...]
    since: datetime
    notifiers: tuple[Notifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """All that is installed, by key: sections and meters in their order of display, and notifiers.

    `event_types` unites what all meters say of a type, and `days` is the most of the past that any of them needs
    of it day by day, None for all of it. `plugin_of` is by the key of a meter. `plugins` are in the order of
    loading, also those that failed.
    """

    plugins: tuple[Plugin, ...]
    sections: Mapping[str, Section]
    meters: Mapping[str, Meter]
    event_types: Mapping[str, EventType]
    plugin_of: Mapping[str, Plugin]
    days: Mapping[str, int | None]
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)


def load_plugins(entry_points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load the plugins of these entry points, or of all that are installed.

    Never raises for what a plugin does. The application's own plugins come first and the others by name, so
    that no partner can take a key of ours.
    """
    found = _installed() if entry_points is None else entry_points
    return _settle([_load(entry_point) for entry_point in sorted(found, key=_order)])


def _installed() -> list[EntryPoint]:
    """As `importlib.metadata.entry_points` finds them, but past a distribution whose metadata is broken."""
    found: dict[str, list[EntryPoint]] = {}
    for distribution in distributions():
        try:
            ours = list(distribution.entry_points.select(group=ENTRY_POINT_GROUP))
        except Exception:
            logger.warning("The entry points of a distribution cannot be read; it adds no plugin.", exc_info=True)
            continue
        if ours:  # of the same name the first on the path counts, as it does for imports
            name, _ = _distribution(ours[0])
            found.setdefault(_normal(name) if name else f"unnamed {len(found)}", ours)
    return [entry_point for ours in found.values() for entry_point in ours]


def _order(entry_point: EntryPoint) -> tuple[bool, str, str]:
    distribution, _ = _distribution(entry_point)
    own = distribution is not None and _normal(distribution) == OWN_DISTRIBUTION
    return (not own, entry_point.name, distribution or "")


def _distribution(entry_point: EntryPoint) -> tuple[str | None, str | None]:
    """The name and version of the distribution; None where it does not say."""
    try:
        return (entry_point.dist.name, entry_point.dist.version) if entry_point.dist else (None, None)
    except Exception:
        return None, None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A plugin and the event types that its meters read."""

    plugin: Plugin
    event_types: Mapping[str, EventType]

    def refused(self, problem: PluginProblem, error: BaseException | None = None) -> "_Candidate":
        plugin = self.plugin
        logger.error(
            "Plugin %s (%s %s) is not loaded: %s: %s",
            plugin.name, plugin.distribution, plugin.version, problem.code, problem.message, exc_info=error,
        )  # fmt: skip
        return _Candidate(replace(plugin, problem=problem, sections=(), meters=(), notifiers=()), {})


def _load(entry_point: EntryPoint) -> _Candidate:
    distribution, version = _distribution(entry_point)
    candidate = _Candidate(Plugin(entry_point.name, version, distribution, None, (), (), datetime.now(UTC)), {})
    try:
        contribution = _contribution_of(entry_point)
    except InvalidPlugin as error:
        return candidate.refused(PluginProblem(error.code, error.message), error)
    plugin = replace(
        candidate.plugin,
        sections=contribution.sections,
        meters=contribution.meters,
        notifiers=contribution.notifiers,
    )
    return _Candidate(plugin, contribution.event_types)


def _contribution_of(entry_point: EntryPoint) -> Contribution:
    """Raises :class:`InvalidPlugin` whatever happens inside, also SystemExit; an interrupt alone passes."""
    try:
        module = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InvalidPlugin(IMPORT_FAILED, f"The module cannot be imported. {_MEND}") from error
    try:
        return check_plugin(module)
    except (InvalidPlugin, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise InvalidPlugin(HOOK_FAILED, f"The module cannot be read. {_MEND}") from error


def _settle(candidates: list[_Candidate]) -> Registry:
    """Admit in order, and again without those whose section turned out to be missing, until all is settled."""
    homeless: dict[int, PluginProblem] = {}
    while True:
        admitted = _Admitted()
        problems = dict(homeless)
        for number, candidate in enumerate(candidates):
            problem = problems.get(number) or admitted.conflict_with(candidate)
            if problem:
                problems[number] = problem
            else:
                admitted.add(candidate)
        found = {
            number: problem
            for number, candidate in enumerate(candidates)
            if number not in problems and (problem := admitted.missing_section_of(candidate))
        }
        if not found:
            return admitted.registry(
                candidate.refused(problems[number]).plugin if number in problems else candidate.plugin
                for number, candidate in enumerate(candidates)
            )
        homeless |= found


@dataclass(slots=True)
class _Admitted:
    """What is taken so far, and by which plugin."""

    sections: dict[str, tuple[Section, Plugin]] = field(default_factory=dict)
    meters: dict[str, tuple[Meter, Plugin]] = field(default_factory=dict)
    notifiers: dict[str, tuple[Notifier, Plugin]] = field(default_factory=dict)
    event_types: dict[str, tuple[EventType, Plugin]] = field(default_factory=dict)

    def conflict_with(self, candidate: _Candidate) -> PluginProblem | None:
        for what, taken, added in (
            ("section", self.sections, candidate.plugin.sections),
            ("meter", self.meters, candidate.plugin.meters),
            ("notifier", self.notifiers, candidate.plugin.notifiers),
        ):
            for one in added:
                if one.key in taken:
                    return PluginProblem(
                        CONFLICT,
                        f"The key {one.key!r} of a {what} is taken by {_named(taken[one.key][1])}. "
                        f"Give the {what} another key.",
                    )
        for name, event in candidate.event_types.items():
            if name in self.event_types and self.event_types[name][0].kind != event.kind:
                known, owner = self.event_types[name]
                return PluginProblem(
                    CONFLICT,
                    f"The event type {name!r} is read as a {event.kind}, and is a {known.kind} of {_named(owner)}. "
                    f"Read it as a {known.kind}, or give the event type another name.",
                )
        return None

    def add(self, candidate: _Candidate) -> None:
        plugin = candidate.plugin
        self.sections |= {section.key: (section, plugin) for section in plugin.sections}
        self.meters |= {meter.key: (meter, plugin) for meter in plugin.meters}
        self.notifiers |= {notifier.key: (notifier, plugin) for notifier in plugin.notifiers}
        for name, event in candidate.event_types.items():
            known, owner = self.event_types.get(name, (event, plugin))
            self.event_types[name] = known.united(event), owner

    def missing_section_of(self, candidate: _Candidate) -> PluginProblem | None:
        for meter in candidate.plugin.meters:
            if meter.section not in self.sections:
                near = did_you_mean(meter.section, self.sections)
                return PluginProblem(
                    UNKNOWN_SECTION,
                    f"The meter {meter.key!r} stands in the section {meter.section!r}, which no loaded plugin "
                    f"contributes.{near or ' Contribute it with the hook allowance_sections.'}",
                )
        return None

    def registry(self, plugins: Iterable[Plugin]) -> Registry:
        sections = sorted((section for section, _ in self.sections.values()), key=lambda one: (one.order, one.key))
        rank = {section.key: place for place, section in enumerate(sections)}
        meters = sorted((meter for meter, _ in self.meters.values()), key=lambda meter: rank[meter.section])
        return Registry(
            plugins=tuple(plugins),
            sections=MappingProxyType({section.key: section for section in sections}),
            meters=MappingProxyType({meter.key: meter for meter in meters}),
            event_types=MappingProxyType({name: event for name, (event, _) in self.event_types.items()}),
            plugin_of=MappingProxyType({meter.key: self.meters[meter.key][1] for meter in meters}),
            days=MappingProxyType(_days_needed(meters)),
            notifiers=MappingProxyType({key: notifier for key, (notifier, _) in self.notifiers.items()}),
        )


def _days_needed(meters: Iterable[Meter]) -> dict[str, int | None]:
    needed: dict[str, int | None] = {}
    for meter in meters:
        for event in meter.events():
            known = needed.get(event.name, 0)
            needed[event.name] = None if known is None or meter.days is None else max(known, meter.days)
    return needed


def _named(plugin: Plugin) -> str:
    return f"the plugin {plugin.name!r}" + (f" of {plugin.distribution}" if plugin.distribution else "")
