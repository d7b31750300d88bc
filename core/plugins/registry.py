"""The registry: everything that the installed plugins contribute."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from allowance import Application, EventType, Meter, Notifier, Section, Unit
from allowance.contribution import Contribution
from allowance.text import languages_of


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """The reason why a plugin is not loaded.

    Attributes:
        code: A code of :mod:`allowance.contribution`, :mod:`core.plugins.host` or :mod:`core.plugins.conflicts`.
        message: A text that any caller may read. It holds nothing that the plugin's code raised; that is in the log.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """An installed plugin, loaded or not.

    Attributes:
        name: The name of its entry point.
        version: The version of its distribution; None if unknown.
        distribution: The name of its distribution; None if unknown.
        problem: The reason why it is not loaded; None if it is. With a problem it contributes nothing, or what it
            declared when it was last loaded; its meters are then not measured.
        since: The instant at which the application tried to load it.
        event_types: The event types that its meters read, by name.
    """

    name: str
    version: str | None
    distribution: str | None
    problem: PluginProblem | None
    sections: tuple[Section, ...]
    meters: tuple[Meter, ...]
    since: datetime
    notifiers: tuple[Notifier, ...] = ()
    event_types: Mapping[str, EventType] = field(default_factory=dict)

    @property
    def contribution(self) -> Contribution:
        """The contribution of the plugin."""
        return Contribution(self.sections, self.meters, self.event_types, self.notifiers)


@dataclass(frozen=True, slots=True)
class Registry:
    """The sections, meters and notifiers of all loaded plugins.

    Attributes:
        plugins: All installed plugins in the order of loading, also those that failed.
        sections: The sections by key, in the order of display.
        meters: The meters by key, in the order of display.
        event_types: The event types by name; each unites the declarations of all meters that read it.
        plugin_of: The plugin that contributes a meter, by the meter's key.
        days: The number of days before today that meters need day by day, by event type; the largest number of all
            meters that read the type. None if a meter needs all days.
        notifiers: The notifiers by key.
        applications: The applications that meters name, by key, each with the first title and address that is given.
        languages: The tags of the languages in which plugins bring texts.
    """

    plugins: tuple[InstalledPlugin, ...]
    sections: Mapping[str, Section]
    meters: Mapping[str, Meter]
    event_types: Mapping[str, EventType]
    plugin_of: Mapping[str, InstalledPlugin]
    days: Mapping[str, int | None]
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()


def build_registry(plugins: Sequence[InstalledPlugin]) -> Registry:
    """Return the registry of plugins whose keys and event types do not conflict."""
    sections = sorted(
        (section for plugin in plugins for section in plugin.sections),
        key=lambda section: (section.order, section.key),
    )
    rank = {section.key: position for position, section in enumerate(sections)}
    meters = sorted((meter for plugin in plugins for meter in plugin.meters), key=lambda meter: rank[meter.section])
    plugin_of = {meter.key: plugin for plugin in plugins for meter in plugin.meters}
    return Registry(
        plugins=tuple(plugins),
        sections=MappingProxyType({section.key: section for section in sections}),
        meters=MappingProxyType({meter.key: meter for meter in meters}),
        event_types=MappingProxyType(_united_event_types(plugins)),
        plugin_of=MappingProxyType({meter.key: plugin_of[meter.key] for meter in meters}),
        days=MappingProxyType(_days_needed(meters)),
        notifiers=MappingProxyType({notifier.key: notifier for plugin in plugins for notifier in plugin.notifiers}),
        applications=MappingProxyType(_united_applications(meters)),
        languages=frozenset(tag for plugin in plugins for text in _texts_of(plugin) for tag in languages_of(text)),
    )


def _united_event_types(plugins: Iterable[InstalledPlugin]) -> dict[str, EventType]:
    united: dict[str, EventType] = {}
    for plugin in plugins:
        for name, event_type in plugin.event_types.items():
            united[name] = _joined(united[name], event_type) if name in united else event_type
    return united


def _joined(first: EventType, later: EventType) -> EventType:
    """Return an event type of one plugin with the dimensions and values that a later plugin adds.

    A dimension that the first plugin declares with values stays closed: an open one of another plugin adds no value.
    """
    closed = {dimension.key for dimension in first.dimensions if dimension.values}
    added = tuple(one for one in later.dimensions if one.values or one.key not in closed)
    return first.united(replace(later, dimensions=added))


def _days_needed(meters: Iterable[Meter]) -> dict[str, int | None]:
    needed: dict[str, int | None] = {}
    for meter in meters:
        for event_type in meter.events():
            known = needed.get(event_type.name, 0)
            needed[event_type.name] = None if known is None or meter.days is None else max(known, meter.days)
    return needed


def _united_applications(meters: Iterable[Meter]) -> dict[str, Application]:
    united: dict[str, Application] = {}
    for application in (application for meter in meters for application in meter.shown_in):
        known = united.get(application.key, application)
        title = application.title if known.title is None else known.title
        united[application.key] = Application(application.key, title, known.url or application.url)
    return united


def _texts_of(plugin: InstalledPlugin) -> Iterator[str | Unit]:
    """Yield the texts of a plugin that people read."""
    for section in plugin.sections:
        yield from (section.title, section.description or "")
    for notifier in plugin.notifiers:
        yield notifier.title
    for meter in plugin.meters:
        yield from (meter.title, meter.description, meter.unit, *meter.limit_words.values(), meter.deprecated or "")
        yield from (application.title or "" for application in meter.shown_in)
        for dimension in (*meter.by, *(dimension for event in meter.events() for dimension in event.dimensions)):
            yield from (dimension.title or "", *dimension.values.values())
