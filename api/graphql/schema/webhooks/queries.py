"""The query of webhook endpoints."""

import strawberry

from api.graphql.access import accessible_license
from api.graphql.schema.common.arguments import OwnLicense
from api.graphql.schema.common.node import Info
from api.graphql.schema.webhooks.endpoint import Endpoint
from api.graphql.schema.webhooks.endpoint_batch import EndpointBatch
from core.access.keys import WEBHOOK_READERS
from core.delivery.webhooks.endpoints import list_endpoints
from core.licenses.tables import id_of


@strawberry.field(description="List the webhook endpoints of a license, in alphabetical order of their keys.")
def webhook_endpoints(info: Info, license: OwnLicense = None) -> list[Endpoint]:
    context = info.context
    row = accessible_license(context, license, *WEBHOOK_READERS)
    batch = EndpointBatch(context, id_of(row), list_endpoints(context.session, id_of(row)))
    return [Endpoint(row=endpoint, batch=batch) for endpoint in batch.rows]
