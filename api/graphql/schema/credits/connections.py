"""Pages of grants and of requests for credits."""

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import LicenseBatch, batch_of
from api.graphql.opaque import encode
from api.graphql.schema.common.connections import Connection
from api.graphql.schema.common.cursors import cursor_time, decode_cursor
from api.graphql.schema.common.scalars import page_size
from api.graphql.schema.credits.credit_request import CreditRequest
from api.graphql.schema.credits.grant import Grant
from core.credits.listing import list_open_requests


@strawberry.type(description="A page of grants, newest first (Relay connection).")
class GrantConnection(Connection[Grant]):
    pass


@strawberry.type(description="A page of credit requests (Relay connection).")
class CreditRequestConnection(Connection[CreditRequest]):
    pass


def grant_connection(batch: LicenseBatch, license_id: int, first: int | None, after: str | None) -> GrantConnection:
    """Return a page of the grants of one license, newest first."""
    size = page_size(first, 20)
    rows = batch.grants.get(license_id, [])
    if after is not None:
        at, key = decode_cursor(after, "grants", str, str)
        # Grants are sorted by time, newest first, then by id: later rows have a lower time, or a higher id if equal.
        position = (cursor_time(at), _Descending(key))
        rows = [row for row in rows if (row.granted_at, _Descending(row.id)) < position]
    return GrantConnection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode("grants", row.granted_at.isoformat(), row.id),
        node=lambda row: Grant(row=row, batch=batch),
    )


def credit_request_connection(
    batch: LicenseBatch, license_id: int, first: int | None, after: str | None
) -> CreditRequestConnection:
    """Return a page of the requests for credits of one license: open requests first, then the newest."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        closed, at, key = decode_cursor(after, "creditRequests", int, str, str)
        position = (bool(closed), cursor_time(at), str(key))
    return CreditRequestConnection.page(
        batch.requests(license_id, size + 1, position),
        size,
        after,
        cursor=lambda row: encode(
            "creditRequests", int(row.closed_at is not None), row.requested_at.isoformat(), row.id
        ),
        node=lambda row: CreditRequest(row=row, batch=batch),
    )


def open_request_connection(context: Context, first: int | None, after: str | None) -> CreditRequestConnection:
    """Return a page of the open requests for credits of all licenses, oldest first."""
    size = page_size(first, 20)
    position = None
    if after is not None:
        at, key = decode_cursor(after, "openCreditRequests", str, str)
        position = (cursor_time(at), str(key))
    rows = list_open_requests(context.session, most=size + 1, after=position)
    batch = batch_of(context, (row.license_id for row in rows[:size]))
    return CreditRequestConnection.page(
        rows,
        size,
        after,
        cursor=lambda row: encode("openCreditRequests", row.requested_at.isoformat(), row.id),
        node=lambda row: CreditRequest(row=row, batch=batch),
    )


class _Descending(str):
    """A text that sorts in descending order."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
