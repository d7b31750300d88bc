"""Pages of stuck deliveries."""

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import batch_of
from api.graphql.opaque import encode
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.deliveries.delivery import StuckDelivery
from core.delivery.stuck import list_stuck


@strawberry.type(description="A page of stuck deliveries, newest first (Relay connection).")
class StuckDeliveryConnection(Connection[StuckDelivery]):
    pass


def stuck_connection(context: Context, first: int | None, after: str | None) -> StuckDeliveryConnection:
    """Return a page of the stuck deliveries of all licenses, newest first."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "stuckDeliveries", str, str)
        position = (cursor_time(at), str(key))
    rows = list_stuck(context.session, most=size + 1, after=position)
    batch = batch_of(context, (row.delivery.license_id for row in rows[:size]))
    return StuckDeliveryConnection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode("stuckDeliveries", row.delivery.created_at.isoformat(), row.delivery.id),
        node=lambda row: StuckDelivery(stuck=row, batch=batch),
    )
