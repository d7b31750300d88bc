"""Pages of the alerts of a license."""

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.alerts.alert import Alert
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor, encode
from api.graphql.schema.common.scalars import page_size


@strawberry.type(description="A page of alerts, newest first (Relay connection).")
class AlertConnection(Connection[Alert]):
    pass


def alert_connection(
    batch: LicenseBatch, license_id: int, first: int | None, after: str | None, meter: str | None, is_open: bool | None
) -> AlertConnection:
    """Return a page of the alerts of one license, newest first."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "alerts", str, str)
        position = (cursor_time(at), str(key))
    time_zone = batch.licenses[license_id].license.time_zone
    return AlertConnection.page(
        batch.alerts(license_id, size + 1, position, meter, is_open),
        size,
        after,
        cursor=lambda row: encode("alerts", row.found_at.isoformat(), row.id),
        node=lambda row: Alert(row=row, time_zone=time_zone),
    )
