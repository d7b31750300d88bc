"""The query of the caller."""

import strawberry

from api.graphql.schema.access.viewer import Viewer
from api.graphql.schema.common.node import Info


@strawberry.field(description="Return the caller: the API key that the request carries.")
def viewer(info: Info) -> Viewer:
    caller = info.context.caller
    return Viewer(name=caller.name, scopes=sorted(caller.scopes))
