"""Credits: grants, and requests for them."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import strawberry

from api.graphql.schema.common.cursors import PageInfo, decode_id, encode
from api.graphql.schema.common.node import Node
from core.credits.tables import CreditRequest as CreditRequestRow
from core.errors import BadInput
from core.licenses.tables import Grant as GrantRow

if TYPE_CHECKING:  # the two modules name each other
    from api.graphql.schema.licenses.license import LicenseBatch


@strawberry.type(description="Credits granted to a license, or to one of its entities.")
class Grant(Node):
    row: strawberry.Private[GrantRow]
    license_key: strawberry.Private[str]
    left: strawberry.Private[Decimal]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("Grant", self.license_key, self.row.id))

    @strawberry.field(description="The id that it was granted under.")
    def key(self) -> str:
        return self.row.id

    @strawberry.field(description="The key of the meter that the credits are for.")
    def meter(self) -> str:
        return self.row.meter

    @strawberry.field(description="Credits granted.")
    def amount(self) -> float:
        return float(self.row.amount)

    @strawberry.field(description="Credits left of it at the last refresh; 0 once expired.")
    def remaining(self) -> float:
        return float(self.left)

    @strawberry.field(description="The entity that alone may use it; null where all may.")
    def entity(self) -> str | None:
        return self.row.entity

    @strawberry.field(description="From when it may be used.")
    def granted_at(self) -> datetime:
        return self.row.granted_at

    @strawberry.field(description="When what is left of it is lost; null where it never is.")
    def expires_at(self) -> datetime | None:
        return self.row.expires_at


def grant_of(row: GrantRow, page: "LicenseBatch") -> Grant:
    """A grant with what is left of it, as the snapshot has it; all of it where that is older than the grant."""
    context = page.context
    reading = page.current[row.license_id][1].get(row.meter)
    left = reading.grants.get(row.id, row.amount) if reading else row.amount
    if row.expires_at is not None and row.expires_at <= context.now:
        left = Decimal(0)
    return Grant(row=row, license_key=page.licenses[row.license_id].license.key, left=left)


@strawberry.type(description="Credits that the operators are asked for.")
class CreditRequest(Node):
    row: strawberry.Private[CreditRequestRow]
    page: strawberry.Private["LicenseBatch"]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        key = self.page.licenses[self.row.license_id].license.key
        return strawberry.ID(encode("CreditRequest", key, self.row.id))

    @strawberry.field(description="The key of the meter that the credits are for.")
    def meter(self) -> str:
        return self.row.meter

    @strawberry.field(description="Credits asked for.")
    def amount(self) -> float:
        return float(self.row.amount)

    @strawberry.field(description="The entity that alone is to use them; null where all may.")
    def entity(self) -> str | None:
        return self.row.entity

    @strawberry.field(description="What was written to the operators.")
    def note(self) -> str | None:
        return self.row.note

    @strawberry.field(description="The name of the key that it was asked with.")
    def requested_by(self) -> str:
        return self.row.requested_by

    @strawberry.field(description="When it was asked.")
    def requested_at(self) -> datetime:
        return self.row.requested_at

    @strawberry.field(description="When it was answered; null while it is open.")
    def closed_at(self) -> datetime | None:
        return self.row.closed_at

    @strawberry.field(description="The grant that answered it; null while it is open.")
    def closed_by(self) -> Grant | None:
        rows = self.page.grants.get(self.row.license_id, [])
        return next((grant_of(row, self.page) for row in rows if row.id == self.row.closed_by), None)


def request_key(license: str, id: str) -> str:
    """What a request of a license is named by within it; for any other id a name that no request has."""
    try:
        kind, *key = decode_id(id)
    except BadInput:
        return id
    return key[1] if kind == "CreditRequest" and key[:1] == [license] and len(key) == 2 else id


@strawberry.type(description="A request for credits and its place in the connection.")
class CreditRequestEdge:
    cursor: str = strawberry.field(description="To go on after it.")
    node: CreditRequest = strawberry.field(description="The request.")


@strawberry.type(description="Requests for credits: open ones first, and of these and the others the newest (Relay).")
class CreditRequestConnection:
    edges: list[CreditRequestEdge] = strawberry.field(description="The requests of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type(description="A grant and its place in the connection.")
class GrantEdge:
    cursor: str = strawberry.field(description="To go on after it.")
    node: Grant = strawberry.field(description="The grant.")


@strawberry.type(description="Grants, newest first (Relay).")
class GrantConnection:
    edges: list[GrantEdge] = strawberry.field(description="The grants of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
