"""The caller in the schema."""

from datetime import datetime

import strawberry

from api.graphql.license_batch import find_batch
from api.graphql.schema.access.permission import Permission
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.person import Person
from api.graphql.schema.licenses.license import License
from core.access.keys import READERS


@strawberry.type(description="The caller: the API key or the session that the request carries.")
class Viewer:
    name: str = strawberry.field(
        description="The name of the key, as the operator gave it; for a session, that of its key."
    )
    scopes: list[str] = strawberry.field(
        description="The scopes of the key or session, in alphabetical order, for example `consumption:read`."
    )

    person: Person | None = strawberry.field(
        description="The person for whom the session was made. Null for a key, and for a session without a person."
    )
    can: list[Permission] = strawberry.field(
        description="What the caller may do, so that front ends offer nothing else."
    )
    expires_at: datetime | None = strawberry.field(
        description="The time at which the session ends. Null for a key, which does not end by itself."
    )

    @strawberry.field(
        description="The license that the key or session belongs to. Null if the key is for all licenses."
    )
    def license(self, info: Info) -> License | None:
        caller = info.context.caller
        caller.require(*READERS)
        key = caller.license
        batch = find_batch(info.context, key) if key else None
        return License(loaded=batch.license, batch=batch) if batch else None
