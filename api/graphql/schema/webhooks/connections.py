"""Pages of the deliveries to a webhook endpoint."""

import strawberry

from api.graphql.opaque import encode
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.webhooks.delivery import Delivery
from api.graphql.schema.webhooks.endpoint_batch import EndpointBatch


@strawberry.type(name="WebhookDeliveryConnection", description="A page of deliveries, newest first (Relay connection).")
class DeliveryConnection(Connection[Delivery]):
    pass


def delivery_connection(
    batch: EndpointBatch, endpoint: str, first: int | None, after: str | None
) -> DeliveryConnection:
    """Return a page of the deliveries to an endpoint, newest first."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "deliveries", str, str)
        position = (cursor_time(at), str(key))
    return DeliveryConnection.page(
        batch.deliveries(endpoint, size + 1, position),
        size,
        after,
        cursor=lambda logged: encode("deliveries", logged.delivery.created_at.isoformat(), logged.delivery.id),
        node=lambda logged: Delivery(logged=logged),
    )
