"""The queries of licenses."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import readable_batch
from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.licenses.connections import LicenseConnection, license_connection
from api.graphql.schema.licenses.enums import LicenseOrder
from api.graphql.schema.licenses.license import License
from core.access.keys import Scope


@strawberry.field(description="Return the license with a key. Null only together with an error.")
def license(
    info: Info, key: Annotated[str, strawberry.argument(description="The key of the license.")]
) -> License | None:
    batch = readable_batch(info.context, key)
    return License(loaded=batch.license, batch=batch)


@strawberry.field(
    description="List all licenses. The caller's key must be for all licenses and have the scope `operate`."
)
def licenses(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="The maximum number of licenses, from 1 to 100.")
    ] = 20,
    after: After = None,
    status: Annotated[
        list[UsageStatus] | None,
        strawberry.argument(description="Only the licenses with one of these statuses. The default is all statuses."),
    ] = None,
    search: Annotated[
        str | None, strawberry.argument(description="Only the licenses with this text in their key or name.")
    ] = None,
    order_by: Annotated[
        LicenseOrder | None, strawberry.argument(description="The order of the licenses. The default is WORST_FIRST.")
    ] = None,
) -> LicenseConnection:
    info.context.caller.require_all_licenses(Scope.OPERATE)
    order = order_by or LicenseOrder.WORST_FIRST
    return license_connection(info.context, order, first, after, status, search)
