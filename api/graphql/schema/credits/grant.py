"""Grants of credits in the schema."""

from datetime import datetime

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.opaque import encode
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.meters.meter import Meter, installed_meter
from core.access.keys import READERS
from core.licenses.tables import Grant as GrantRow


@strawberry.type(description="Credits that were granted to a license or to one of its entities.")
class Grant(Node):
    row: strawberry.Private[GrantRow]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("Grant", self.batch.licenses[self.row.license_id].license.key, self.row.id))

    @strawberry.field(description="The id of the grant, as the mutation `grantCredits` set it.")
    def key(self) -> str:
        return self.row.id

    @strawberry.field(
        description="The key of the meter that the credits are for.",
        deprecation_reason="Use `meterOf`, which has the title too. This field may be removed from 2028-01-01.",
    )
    def meter(self) -> str:
        return self.row.meter

    @strawberry.field(description="The meter that the credits are for. Null if its plugin is no longer installed.")
    def meter_of(self, info: Info) -> Meter | None:
        return installed_meter(info.context, self.row.meter)

    @strawberry.field(description="The number of granted credits.")
    def amount(self) -> float:
        return float(self.row.amount)

    @strawberry.field(
        description="The number of credits left at the last refresh. It is 0 after the grant has expired or was voided."
    )
    def remaining(self, info: Info) -> float:
        # A caller who may only write contracts reaches this field through the result of a mutation.
        info.context.caller.require(*READERS)
        return float(self.batch.remaining(self.row))

    @strawberry.field(description="The entity that the credits are for. Null if all entities may use them.")
    def entity(self) -> str | None:
        return self.row.entity

    @strawberry.field(description="The time from which the credits may be used.")
    def granted_at(self) -> datetime:
        return self.row.granted_at

    @strawberry.field(description="The time at which the remaining credits expire. Null if they never expire.")
    def expires_at(self) -> datetime | None:
        return self.row.expires_at

    @strawberry.field(
        description="The time at which the mutation `voidGrant` voided the grant. Null if it was not voided."
    )
    def voided_at(self) -> datetime | None:
        return self.row.voided_at

    @strawberry.field(
        description="Whether the whole grant was voided, as if it had never been made. False if it was not voided, or "
        "only what was left of it."
    )
    def voided_all(self) -> bool:
        return self.row.voided_all
