"""The mutation that requests a refresh."""

from typing import Annotated

import strawberry

from api.graphql.access import accessible_license
from api.graphql.schema.common.arguments import OwnLicense
from api.graphql.schema.common.node import Info
from api.graphql.schema.refresh.refresh_request import RefreshRequest
from core.access.keys import READERS
from core.errors import BadInput
from core.licenses.tables import id_of
from core.nearest import did_you_mean
from core.queue.queue import request_refresh
from core.text import shown


@strawberry.mutation(
    description="Request a refresh of a license now. An equal request that still waits is returned again instead "
    "of a new one."
)
def refresh_consumption(
    info: Info,
    license: OwnLicense = None,
    sections: Annotated[
        list[str] | None,
        strawberry.argument(description="Only the sections with these keys. The default is all sections."),
    ] = None,
) -> RefreshRequest:
    context = info.context
    row = accessible_license(context, license, *READERS)
    if sections == []:
        raise BadInput("`sections` is empty: name some, or leave it out for all.")
    known = context.services.registry.sections
    for key in sections or ():
        if key not in known:
            raise BadInput(f"No section {shown(key)}.{did_you_mean(key, known)}")
    with context.write() as session:
        [run] = request_refresh(
            session,
            [id_of(row)],
            sections,
            context.now,
            by=context.caller.name,
            person=context.caller.person,
            most_per_hour=context.services.settings.refresh_requests_per_hour,
        )
    context.services.announcer.announce()
    return RefreshRequest(run=run, license_key=row.key)
