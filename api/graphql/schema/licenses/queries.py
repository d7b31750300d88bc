"""The queries of licenses."""

from typing import Annotated

import strawberry

from api.graphql.context import AllLicenses
from api.graphql.license_batch import batch_of, readable_batch
from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.licenses.connections import LicenseConnection, license_connection
from api.graphql.schema.licenses.enums import LicenseOrder
from api.graphql.schema.licenses.license import License
from core.access.keys import READERS
from core.consumption.changed_licenses import last_changed
from core.consumption.list_licenses import LicenseFilter
from core.consumption.view import Freshness
from core.errors import BadInput, NotFound
from core.nearest import did_you_mean
from core.text import shown


@strawberry.field(description="Return the license with a key. Null only together with an error.")
def license(
    info: Info, key: Annotated[str, strawberry.argument(description="The key of the license.")]
) -> License | None:
    batch = readable_batch(info.context, key)
    return License(loaded=batch.license, batch=batch)


@strawberry.field(
    description="List all licenses. The caller's key must be for all licenses and have the scope `consumption:read` or "
    "`operate`."
)
def licenses(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="The maximum number of licenses, from 1 to 100.")
    ] = 20,
    after: After = None,
    status: Annotated[
        list[UsageStatus] | None,
        strawberry.argument(
            description="Only the licenses with one of these statuses. With `meter`, the status of that meter counts. "
            "The default is all statuses."
        ),
    ] = None,
    search: Annotated[
        str | None, strawberry.argument(description="Only the licenses with this text in their key or name.")
    ] = None,
    freshness: Annotated[
        list[Freshness] | None,
        strawberry.argument(
            description="Only the licenses whose consumption has one of these values of `freshness`. The default is "
            "all."
        ),
    ] = None,
    meter: Annotated[
        str | None,
        strawberry.argument(
            description="Only the licenses whose contract has the meter with this key, or that have usage of it. The "
            "default is all licenses."
        ),
    ] = None,
    order_by: Annotated[
        LicenseOrder | None, strawberry.argument(description="The order of the licenses. The default is WORST_FIRST.")
    ] = None,
) -> LicenseConnection:
    context = info.context
    context.caller.require_all_licenses(*READERS)
    known = context.services.registry.meters
    if meter is not None and meter not in known:
        raise BadInput(f"No meter {shown(meter)}.{did_you_mean(meter, known)}")
    filter_ = LicenseFilter(context.now, status, search, freshness, meter)
    return license_connection(context, filter_, order_by or LicenseOrder.WORST_FIRST, first, after)


# The field is no generator: the operation is executed again for each license, see api.graphql.subscriptions.subscribe.
@strawberry.field(
    description="Send the license that changed last at once, and each license after it changed, at most five a second. "
    "If many licenses change at once, some are left out: list the licenses again. Check-ins count from the next "
    "refresh. The caller's key must be for all licenses and have the scope `consumption:read` or `operate`."
)
def licenses_changed(
    info: Info,
    status: Annotated[
        list[UsageStatus] | None,
        strawberry.argument(
            description="Only the licenses that have one of these statuses after the change. The default is all "
            "statuses."
        ),
    ] = None,
) -> License:
    context = info.context
    context.caller.require_all_licenses(*READERS)
    context.follows = AllLicenses(None if status is None else frozenset(status))
    license_id = context.changed or last_changed(context.session, status)
    if license_id is None:
        raise NotFound("No license has such a status.")
    batch = batch_of(context, [license_id])
    return License(loaded=batch.license, batch=batch)
