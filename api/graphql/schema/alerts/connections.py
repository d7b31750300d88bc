"""Pages of the alerts of a license, and of the alerts across licenses."""

from collections.abc import Collection
from itertools import chain

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import LicenseBatch, batch_of
from api.graphql.opaque import encode
from api.graphql.schema.alerts.alert import Alert
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.common.status import UsageStatus
from core.alerts.listing import AlertKind, list_all_alerts, newest_first


@strawberry.type(description="A page of alerts, newest first (Relay connection).")
class AlertConnection(Connection[Alert]):
    pass


def alert_connection(
    batch: LicenseBatch,
    license_id: int,
    first: int | None,
    after: str | None,
    meter: str | None,
    is_open: bool | None,
    kinds: Collection[AlertKind],
) -> AlertConnection:
    """Return a page of the alerts of one license, newest first."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "alerts", str, str)
        position = (cursor_time(at), str(key))
    return AlertConnection.page(
        batch.alerts(license_id, size + 1, position, meter, is_open, kinds),
        size,
        after,
        cursor=lambda row: encode("alerts", row.found_at.isoformat(), row.id),
        node=lambda row: Alert(row=row, batch=batch),
    )


def all_alerts_connection(
    context: Context,
    license_id: int | None,
    first: int | None,
    after: str | None,
    is_open: bool | None,
    statuses: list[UsageStatus] | None,
    kinds: Collection[AlertKind],
) -> AlertConnection:
    """Return a page of alerts across licenses, newest first; with `license_id` of one license."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "allAlerts", str, str)
        position = (cursor_time(at), str(key))
    found = (
        list_all_alerts(
            context.session,
            kind.table,
            most=size + 1,
            licenses=None if license_id is None else [license_id],
            after=position,
            is_open=is_open,
            statuses=statuses,
        )
        for kind in set(kinds)
    )
    rows = newest_first(chain.from_iterable(found), size + 1)
    batch = batch_of(context, (row.license_id for row in rows[:size]))
    return AlertConnection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode("allAlerts", row.found_at.isoformat(), row.id),
        node=lambda row: Alert(row=row, batch=batch),
    )
