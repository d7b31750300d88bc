"""Requests for credits in the schema."""

from datetime import datetime

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.opaque import encode
from api.graphql.schema.common.cursors import decode_id
from api.graphql.schema.common.lazy_license import LazyLicense, lazy_license
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.common.person import Person, shown_person
from api.graphql.schema.credits.grant import Grant
from api.graphql.schema.meters.meter import Meter, installed_meter
from core.access.person import read_person, requester_name
from core.credits.tables import CreditRequest as CreditRequestRow
from core.errors import BadInput


@strawberry.type(description="A request for credits, which an operator answers with a grant or declines.")
class CreditRequest(Node):
    row: strawberry.Private[CreditRequestRow]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        key = self.batch.licenses[self.row.license_id].license.key
        return strawberry.ID(encode("CreditRequest", key, self.row.id))

    @strawberry.field(description="The license that requests the credits.")
    def license(self) -> LazyLicense:
        return lazy_license(self.batch, self.row.license_id)

    @strawberry.field(
        description="The key of the meter that the credits are for.",
        deprecation_reason="Use `meterOf`, which has the title too. This field may be removed from 2028-01-01.",
    )
    def meter(self) -> str:
        return self.row.meter

    @strawberry.field(description="The meter that the credits are for. Null if its plugin is no longer installed.")
    def meter_of(self, info: Info) -> Meter | None:
        return installed_meter(info.context, self.row.meter)

    @strawberry.field(description="The number of requested credits.")
    def amount(self) -> float:
        return float(self.row.amount)

    @strawberry.field(description="The entity that the credits are for. Null if all entities may use them.")
    def entity(self) -> str | None:
        return self.row.entity

    @strawberry.field(description="The note to the operators. Null if there is none.")
    def note(self) -> str | None:
        return self.row.note

    @strawberry.field(
        description="The name of the person who made the request, or the id of a person without a name. The name of "
        "the API key if the request was not made with the session of a person."
    )
    def requested_by(self) -> str:
        return requester_name(read_person(self.row.person), self.row.requested_by)

    @strawberry.field(
        description="The name of the API key that made the request, or that the session of the request belongs to."
    )
    def requested_with(self) -> str:
        return self.row.requested_by

    @strawberry.field(
        description="The person who made the request. Null if the request was not made with the session of a person."
    )
    def person(self) -> Person | None:
        return shown_person(read_person(self.row.person))

    @strawberry.field(description="The time of the request.")
    def requested_at(self) -> datetime:
        return self.row.requested_at

    @strawberry.field(
        description="The time at which a grant answered the request, or an operator declined it. Null while the "
        "request is open."
    )
    def closed_at(self) -> datetime | None:
        return self.row.closed_at

    @strawberry.field(
        description="The reason for which an operator declined the request. Null while the request is open, and if a "
        "grant answered it."
    )
    def declined_because(self) -> str | None:
        return self.row.declined_because

    @strawberry.field(
        description="The grant that answered the request. Null while the request is open, and if it was declined."
    )
    def closed_by(self) -> Grant | None:
        rows = self.batch.grants.get(self.row.license_id, [])
        return next((Grant(row=row, batch=self.batch) for row in rows if row.id == self.row.closed_by), None)


def request_key(license: str, id: str) -> str:
    """Return the key of a credit request within its license.

    Args:
        license: The key of the license.
        id: The global id of the request. Any other text is returned unchanged, and no request has it as its key.
    """
    try:
        kind, *key = decode_id(id)
    except BadInput:
        return id
    return key[1] if kind == "CreditRequest" and key[:1] == [license] and len(key) == 2 else id
