"""The query of the caller."""

import strawberry

from api.graphql.schema.access.permission import permissions_of
from api.graphql.schema.access.viewer import Viewer
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.person import shown_person


@strawberry.field(description="Return the caller: the API key or the session that the request carries.")
def viewer(info: Info) -> Viewer:
    caller = info.context.caller
    return Viewer(
        name=caller.name,
        scopes=sorted(caller.scopes),
        person=shown_person(caller.person),
        can=permissions_of(caller),
        expires_at=caller.expires_at,
    )
