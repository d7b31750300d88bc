"""Pages of licenses."""

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import decode_cursor, encode, refuse_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.licenses.enums import LicenseOrder
from api.graphql.schema.licenses.license import License
from core.consumption.list_licenses import LicenseCursor, list_licenses
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.licenses.load import load_licenses


@strawberry.type(description="A page of licenses (Relay connection).")
class LicenseConnection(Connection[License]):
    pass


def license_connection(
    context: Context,
    order: LicenseOrder,
    first: int | None,
    after: str | None,
    statuses: list[UsageStatus] | None,
    search: str | None,
) -> LicenseConnection:
    """Return a page of all licenses."""
    size = page_size(first, 20)
    field = f"licenses:{order.value}"
    position = None
    if after is not None:
        severity, key = decode_cursor(after, field, int, str)
        if severity not in SEVERITY.values():
            refuse_cursor()
        position = LicenseCursor(int(str(severity)), str(key))
    rows = list_licenses(context.session, order=order, most=size + 1, after=position, statuses=statuses, search=search)
    licenses = load_licenses(context.session, [license_id for license_id, _ in rows[:size]], context.now)
    batch = LicenseBatch(context, licenses)
    return LicenseConnection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode(field, row[1].severity, row[1].key),
        node=lambda row: License(loaded=licenses[row[0]], batch=batch),
    )
