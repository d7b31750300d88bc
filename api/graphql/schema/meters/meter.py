"""Meters, plugins and notifiers in the schema."""

from datetime import datetime

import allowance
import strawberry

from api.graphql.context import Context
from api.graphql.opaque import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info, Node, Problem
from api.graphql.schema.meters.event import MeterEvent
from api.graphql.schema.meters.kind import MeterKind, kind_of
from api.graphql.schema.meters.unit import Application, Unit, application_in_words, unit_in_words
from core.languages.words import Words
from core.plugins.breaker import Pauses
from core.plugins.discovery import is_own_distribution
from core.plugins.registry import InstalledPlugin

describe_enum(
    allowance.Enforcement,
    "The effect of a limit on new actions.",
    SOFT="The limit blocks nothing. Usage may exceed it.",
    HARD="The limit is a hard quota. Whatever would exceed it is refused.",
    NONE="There is no limit.",
)


@strawberry.type(description="The declaration of a section, without the readings of a license.")
class SectionInfo:
    key: str = strawberry.field(description="The stable key of the section.")
    title: str = strawberry.field(description="The display name of the section.")
    description: str | None = strawberry.field(
        description="A sentence that describes the section. Null if the plugin gives none."
    )


@strawberry.type(description="A meter: one type of resource that licenses are measured by.")
class Meter(Node):
    meter: strawberry.Private[allowance.Meter]
    words: strawberry.Private[Words]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("Meter", self.meter.key))

    @strawberry.field(
        description="The stable key of the meter, for example `custom_tables`. Contracts and front ends name meters "
        "by key."
    )
    def key(self) -> str:
        return self.meter.key

    @strawberry.field(description="The display name of the meter.")
    def title(self) -> str:
        return self.words.text(self.meter.title)

    @strawberry.field(description="A sentence that describes the measured resource.")
    def description(self) -> str:
        return self.words.text(self.meter.description)

    @strawberry.field(
        description="The unit of `used` and `limit`, as a plural noun, for example `custom tables`.",
        deprecation_reason="Use `unitForms`, which has the singular too. This field may be removed from 2028-01-01.",
    )
    def unit(self) -> str:
        unit = self.meter.unit_forms
        return unit.form("other", unit.language_in(self.words.languages))

    @strawberry.field(description="The unit of `used` and `limit`, with its plural forms and the format of numbers.")
    def unit_forms(self) -> Unit:
        return unit_in_words(self.meter.unit_forms, self.words)

    @strawberry.field(
        description="A sentence that states what to use instead of the meter. Null if the meter is not deprecated."
    )
    def deprecation(self) -> str | None:
        return None if self.meter.deprecated is None else self.words.text(self.meter.deprecated)

    @strawberry.field(description="The keys of earlier meters whose place the meter takes.")
    def replaces(self) -> list[str]:
        return list(self.meter.replaces)

    @strawberry.field(description="The effect of the limit on new actions.")
    def enforcement(self) -> allowance.Enforcement:
        return self.meter.enforcement

    @strawberry.field(description="The way in which the meter measures.")
    def kind(self) -> MeterKind:
        return kind_of(self.meter)

    @strawberry.field(
        description="The types of usage events that the meter reads, which a platform must send. Empty if the meter "
        "reads no events."
    )
    def events(self, info: Info) -> list[MeterEvent]:
        known = info.context.services.registry.event_types
        return [MeterEvent(event_type=known[event.name], words=self.words) for event in self.meter.events()]

    @strawberry.field(
        description="The contract's terms whose product is the limit, by key. Empty if no term sets the limit."
    )
    def limit_terms(self) -> list[str]:
        return list(self.meter.limit_terms)

    @strawberry.field(
        description="The key of the section that shows the meter.",
        deprecation_reason="Use `sectionOf`, which has the title too. This field may be removed from 2028-01-01.",
    )
    def section(self) -> str:
        return self.meter.section

    @strawberry.field(description="The section that shows the meter.")
    def section_of(self, info: Info) -> SectionInfo:
        section = info.context.services.registry.sections[self.meter.section]
        return SectionInfo(
            key=section.key,
            title=self.words.text(section.title),
            description=None if section.description is None else self.words.text(section.description),
        )

    @strawberry.field(
        description="The keys of the platform's applications that show the notices of this meter. Empty if the notices "
        "concern every application.",
        deprecation_reason="Use `shownIn`, which has titles too. This field may be removed from 2028-01-01.",
    )
    def applications(self) -> list[str]:
        return [application.key for application in self.meter.shown_in]

    @strawberry.field(
        description="The platform's applications that show the notices of this meter. Empty if the notices concern "
        "every application."
    )
    def shown_in(self, info: Info) -> list[Application]:
        known = info.context.services.registry.applications
        return [application_in_words(known[application.key], self.words) for application in self.meter.shown_in]

    @strawberry.field(description="The plugin that contributes the meter.")
    def plugin(self, info: Info) -> "Plugin":
        return Plugin(plugin=info.context.services.registry.plugin_of[self.meter.key], words=self.words)


def installed_meter(context: Context, key: str) -> Meter | None:
    """Return the meter of a key, or None if it is not installed any more."""
    meter = context.services.registry.meters.get(key)
    return None if meter is None else Meter(meter=meter, words=context.words)


@strawberry.type(description="A notifier: a channel for messages beside e-mail and webhooks, contributed by a plugin.")
class Notifier:
    key: str = strawberry.field(description="The stable key of the notifier.")
    title: str = strawberry.field(description="The display name of the notifier.")
    kinds: list[str] = strawberry.field(
        description="The kinds of messages that the notifier receives, for example `threshold.crossed`."
    )


@strawberry.type(
    description="The pause of a meter that hung, ended its process or took too much memory. Each further failure "
    "doubles the pause. A success ends it."
)
class PausedMeter:
    meter: str = strawberry.field(description="The key of the meter.")
    code: str = strawberry.field(description="The stable code of the last failure, for example `METER_TIMED_OUT`.")
    failures: int = strawberry.field(description="The number of failures in a row.")
    since: datetime = strawberry.field(description="The instant of the first of these failures.")
    until: datetime = strawberry.field(description="The instant from which the meter is measured again.")


@strawberry.type(description="An installed plugin. Plugins that failed to load are included.")
class Plugin:
    plugin: strawberry.Private[InstalledPlugin]
    words: strawberry.Private[Words]

    @strawberry.field(description="The name of the plugin.")
    def name(self) -> str:
        return self.plugin.name

    @strawberry.field(description="The version of the plugin's distribution. Null if the distribution states none.")
    def version(self) -> str | None:
        return self.plugin.version

    @strawberry.field(description="True if the plugin is loaded.")
    def loaded(self) -> bool:
        return self.plugin.problem is None

    @strawberry.field(description="The reason why the plugin failed to load. Null if it is loaded.")
    def problem(self) -> Problem | None:
        problem = self.plugin.problem
        if problem is None:
            return None
        return Problem(code=problem.code, message=problem.message, since=self.plugin.since)

    @strawberry.field(
        description="True while an operator has paused the plugin. Its events are counted, and its meters not measured."
    )
    def paused(self, info: Info) -> bool:
        return self._pauses(info).is_paused(self.plugin.name)

    @strawberry.field(description="The meters of the plugin that pause since they failed.")
    def pausing(self, info: Info) -> list[PausedMeter]:
        return [
            PausedMeter(meter=one.meter, code=one.code, failures=one.failures, since=one.since, until=one.until)
            for one in self._pauses(info).of_meters(self.plugin.meters)
        ]

    def _pauses(self, info: Info) -> Pauses:
        return Pauses() if is_own_distribution(self.plugin.distribution) else info.context.pauses()

    @strawberry.field(
        description="The notifiers that the plugin contributes. If it failed to load, those that it contributed when "
        "it was last loaded."
    )
    def notifiers(self) -> list[Notifier]:
        return [
            Notifier(key=notifier.key, title=self.words.text(notifier.title), kinds=list(notifier.kinds))
            for notifier in self.plugin.notifiers
        ]

    @strawberry.field(
        description="The meters that the plugin contributes. If it failed to load, those that it contributed when it "
        "was last loaded: they are not measured until it is loaded again."
    )
    def meters(self) -> list[Meter]:
        return [Meter(meter=meter, words=self.words) for meter in self.plugin.meters]
