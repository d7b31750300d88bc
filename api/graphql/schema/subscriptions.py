"""The subscriptions."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.queries import consumption_of, readable


@strawberry.type(description="What may be followed, over WebSocket or as server-sent events.")
class Subscription:
    # A plain field and no generator: who follows is answered by executing the operation again, see
    # api.graphql.subscriptions.subscribe.
    @strawberry.field(description="What a license uses: now, and again whenever it changed.")
    def consumption_changed(
        self,
        info: Info,
        license: Annotated[
            str | None, strawberry.argument(description="The license's key; left out, the key's own license.")
        ] = None,
    ) -> Consumption:
        return consumption_of(readable(info.context, license), None)
