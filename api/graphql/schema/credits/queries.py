"""The query of requests for credits across licenses."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info
from api.graphql.schema.credits.connections import CreditRequestConnection, open_request_connection
from core.access.keys import Scope


@strawberry.field(
    description="List the open requests for credits of all licenses, oldest first. The caller's key must be for all "
    "licenses and have the scope `operate`."
)
def open_credit_requests(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="The maximum number of requests, from 1 to 100.")
    ] = 20,
    after: After = None,
) -> CreditRequestConnection:
    info.context.caller.require_all_licenses(Scope.OPERATE)
    return open_request_connection(info.context, first, after)
