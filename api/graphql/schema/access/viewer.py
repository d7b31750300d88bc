"""The caller in the schema."""

import strawberry

from api.graphql.license_batch import find_batch
from api.graphql.schema.common.node import Info
from api.graphql.schema.licenses.license import License
from core.access.keys import READERS


@strawberry.type(description="The caller: the API key that the request carries.")
class Viewer:
    name: str = strawberry.field(description="The name of the key, as the operator gave it.")
    scopes: list[str] = strawberry.field(
        description="The scopes of the key, in alphabetical order, for example `consumption:read`."
    )

    @strawberry.field(description="The license that the key belongs to. Null if the key is for all licenses.")
    def license(self, info: Info) -> License | None:
        caller = info.context.caller
        caller.require(*READERS)
        key = caller.license
        batch = find_batch(info.context, key) if key else None
        return License(loaded=batch.license, batch=batch) if batch else None
