"""What is installed: meters and the plugins that contribute them."""

import allowance
import strawberry

from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info, Node, Problem
from core.plugins.registry import InstalledPlugin

describe_enum(
    allowance.Enforcement,
    "What happens over the limit.",
    SOFT="Exceeding never blocks.",
    HARD="What would exceed is refused.",
    NONE="There is no limit to hold against.",
)


@strawberry.type(description="One resource type that licenses are measured by.")
class Meter(Node):
    meter: strawberry.Private[allowance.Meter]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("Meter", self.meter.key))

    @strawberry.field(description="Stable; contracts and front ends name it.")
    def key(self) -> str:
        return self.meter.key

    @strawberry.field(description="What people call it.")
    def title(self) -> str:
        return self.meter.title

    @strawberry.field(description="What it measures, in a sentence.")
    def description(self) -> str:
        return self.meter.description

    @strawberry.field(description="What `used` and `limit` count, in the plural.")
    def unit(self) -> str:
        return self.meter.unit

    @strawberry.field(description="What happens over the limit.")
    def enforcement(self) -> allowance.Enforcement:
        return self.meter.enforcement

    @strawberry.field(description="The key of the section that it stands in.")
    def section(self) -> str:
        return self.meter.section

    @strawberry.field(description="The platform's applications in which its notices are shown.")
    def applications(self) -> list[str]:
        return list(self.meter.applications)

    @strawberry.field(description="The plugin that contributes it.")
    def plugin(self, info: Info) -> "Plugin":
        return Plugin(plugin=info.context.runtime.registry.plugin_of[self.meter.key])


@strawberry.type(description="Where else people are told, beside e-mail.")
class Notifier:
    key: str = strawberry.field(description="Stable.")
    title: str = strawberry.field(description="What people call it.")
    kinds: list[str] = strawberry.field(description="The kinds of messages that it wants, as `threshold.crossed`.")


@strawberry.type(description="An installed plugin, also one that failed to load.")
class Plugin:
    plugin: strawberry.Private[InstalledPlugin]

    @strawberry.field(description="Its name among the installed plugins.")
    def name(self) -> str:
        return self.plugin.name

    @strawberry.field(description="The version of its distribution; null where it says none.")
    def version(self) -> str | None:
        return self.plugin.version

    @strawberry.field(description="Whether its meters are in use.")
    def loaded(self) -> bool:
        return self.plugin.problem is None

    @strawberry.field(description="Why it is not in use; null where it is.")
    def problem(self) -> Problem | None:
        problem = self.plugin.problem
        if problem is None:
            return None
        return Problem(code=problem.code, message=problem.message, since=self.plugin.since)

    @strawberry.field(description="The notifiers that it contributes; none where it failed to load.")
    def notifiers(self) -> list[Notifier]:
        return [Notifier(key=one.key, title=one.title, kinds=list(one.kinds)) for one in self.plugin.notifiers]

    @strawberry.field(description="The meters that it contributes; none where it failed to load.")
    def meters(self) -> list[Meter]:
        return [Meter(meter=meter) for meter in self.plugin.meters]
