"""The query of alerts across licenses."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import readable_batch
from api.graphql.schema.alerts.connections import AlertConnection, all_alerts_connection
from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.status import UsageStatus
from core.access.keys import READERS
from core.alerts.listing import AlertKind


@strawberry.field(
    description="List the alerts of all licenses, newest first. A key for one license lists the alerts of that license."
)
def alerts(
    info: Info,
    open_: Annotated[
        bool | None,
        strawberry.argument(
            name="open",
            description="True for open alerts only, false for recovered alerts only. The default is both.",
        ),
    ] = None,
    status: Annotated[
        list[UsageStatus] | None,
        strawberry.argument(
            description="Only the alerts whose reading had one of these statuses when the threshold was crossed. The "
            "default is all statuses."
        ),
    ] = None,
    first: Annotated[int | None, strawberry.argument(description="The maximum number of alerts, from 1 to 100.")] = 20,
    after: After = None,
    kinds: Annotated[
        list[AlertKind],
        strawberry.argument(description="What the alerts are about. The default is crossed thresholds alone."),
    ] = [AlertKind.THRESHOLD],  # noqa: B006 - read only
) -> AlertConnection:
    context = info.context
    context.caller.require(*READERS)
    own = context.caller.license
    license_id = None if own is None else readable_batch(context, own).license.id
    return all_alerts_connection(context, license_id, first, after, open_, status, kinds)
