"""The query of stuck deliveries."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info
from api.graphql.schema.deliveries.connections import StuckDeliveryConnection, stuck_connection
from core.access.keys import Scope


@strawberry.field(
    description="List the stuck deliveries of all licenses, newest first. The caller's key must be for all licenses "
    "and have the scope `operate`."
)
def stuck_deliveries(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="The maximum number of deliveries, from 1 to 100.")
    ] = 20,
    after: After = None,
) -> StuckDeliveryConnection:
    info.context.caller.require_all_licenses(Scope.OPERATE)
    return stuck_connection(info.context, first, after)
