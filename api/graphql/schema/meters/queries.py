"""The queries of the installed meters and plugins."""

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.meters.meter import Meter, Plugin
from core.access.keys import READERS


@strawberry.field(description="List the installed meters in their order of display.")
def meters(info: Info) -> list[Meter]:
    info.context.caller.require(*READERS)
    return [Meter(meter=meter, words=info.context.words) for meter in info.context.services.registry.meters.values()]


@strawberry.field(description="List the installed plugins, including plugins that failed to load.")
def plugins(info: Info) -> list[Plugin]:
    info.context.caller.require(*READERS)
    return [Plugin(plugin=plugin, words=info.context.words) for plugin in info.context.services.registry.plugins]
