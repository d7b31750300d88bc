"""Grants of credits in the schema."""

from datetime import datetime

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.node import Node
from core.licenses.tables import Grant as GrantRow


@strawberry.type(description="Credits granted to a license, or to one of its entities.")
class Grant(Node):
    row: strawberry.Private[GrantRow]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("Grant", self.batch.licenses[self.row.license_id].license.key, self.row.id))

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
        return float(self.batch.remaining(self.row))

    @strawberry.field(description="The entity that alone may use it; null where all may.")
    def entity(self) -> str | None:
        return self.row.entity

    @strawberry.field(description="From when it may be used.")
    def granted_at(self) -> datetime:
        return self.row.granted_at

    @strawberry.field(description="When what is left of it is lost; null where it never is.")
    def expires_at(self) -> datetime | None:
        return self.row.expires_at
