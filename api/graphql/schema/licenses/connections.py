"""Pages of licenses."""

from typing import Final

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import batch_of
from api.graphql.opaque import encode
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import decode_cursor, refuse_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.licenses.enums import LicenseOrder
from api.graphql.schema.licenses.license import License
from core.consumption.list_licenses import LicenseCursor, LicenseFilter, count_licenses, list_licenses
from core.consumption.readings.status import SEVERITY

_LARGEST: Final = 2**62
"""More than any value of an order, and as much as databases compare with."""


@strawberry.type(description="The number of licenses with a status.")
class StatusCount:
    status: UsageStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="The number of licenses.")


class LicenseCounts:
    """The counts of the licenses of a connection, read when the first of them is selected."""

    def __init__(self, context: Context, shown: LicenseFilter) -> None:
        """Prepare to count the licenses that a filter shows."""
        self._context = context
        self._shown = shown
        self._counts: dict[UsageStatus, int] | None = None

    @property
    def by_status(self) -> dict[UsageStatus, int]:
        """The number of licenses with each status, without regard to the statuses of the filter."""
        if self._counts is None:
            self._counts = count_licenses(self._context.session, self._shown)
        return self._counts

    @property
    def total(self) -> int:
        """The number of licenses that meet the whole filter."""
        statuses = self._shown.statuses
        return sum(count for status, count in self.by_status.items() if statuses is None or status in statuses)


@strawberry.type(description="A page of licenses (Relay connection).")
class LicenseConnection(Connection[License]):
    counts: strawberry.Private[LicenseCounts]

    @strawberry.field(description="The number of licenses on all pages.")
    def total_count(self) -> int:
        return self.counts.total

    @strawberry.field(
        description="The number of licenses with each status, the worst status first. The argument `status` of the "
        "connection plays no part, all other arguments do. With `meter`, the status of that meter counts."
    )
    def by_status(self) -> list[StatusCount]:
        return [StatusCount(status=status, count=count) for status, count in self.counts.by_status.items()]


def license_connection(
    context: Context, shown: LicenseFilter, order: LicenseOrder, first: int | None, after: str | None
) -> LicenseConnection:
    """Return a page of the licenses that a filter shows."""
    size = page_size(first, 20)
    field = f"licenses:{order.value}"
    position = None if after is None else _position(after, field, order)
    rows = list_licenses(context.session, shown, order=order, most=size + 1, after=position)
    batch = batch_of(context, (license_id for license_id, _ in rows[:size]))
    page: Connection[License] = Connection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode(field, row[1].value, row[1].key),
        node=lambda row: License(loaded=batch.licenses[row[0]], batch=batch),
    )
    return LicenseConnection(edges=page.edges, page_info=page.page_info, counts=LicenseCounts(context, shown))


def _position(after: str, field: str, order: LicenseOrder) -> LicenseCursor:
    value, key = decode_cursor(after, field, str if order is LicenseOrder.NAME else int, str)
    if isinstance(value, int) and abs(value) > _LARGEST:
        refuse_cursor()
    if order is LicenseOrder.WORST_FIRST and value not in SEVERITY.values():
        refuse_cursor()
    return LicenseCursor(value if isinstance(value, int) else str(value), str(key))
