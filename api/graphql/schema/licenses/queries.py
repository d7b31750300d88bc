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


@strawberry.field(description="A license; null only with an error.")
def license(info: Info, key: Annotated[str, strawberry.argument(description="The license's key.")]) -> License | None:
    batch = readable_batch(info.context, key)
    return License(loaded=batch.license, batch=batch)


@strawberry.field(description="Operators: every license, worst first by default.")
def licenses(
    info: Info,
    first: Annotated[int | None, strawberry.argument(description="Licenses at the most, up to 100.")] = 20,
    after: After = None,
    status: Annotated[list[UsageStatus] | None, strawberry.argument(description="Only with these.")] = None,
    search: Annotated[str | None, strawberry.argument(description="Part of a key or a name.")] = None,
    order_by: Annotated[LicenseOrder | None, strawberry.argument(description="WORST_FIRST by default.")] = None,
) -> LicenseConnection:
    info.context.caller.require_all_licenses(Scope.OPERATE)
    order = order_by or LicenseOrder.WORST_FIRST
    return license_connection(info.context, order, first, after, status, search)
