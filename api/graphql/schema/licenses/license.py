"""Licenses in the schema."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.alerts.connections import AlertConnection, alert_connection
from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.cursors import encode
from api.graphql.schema.common.node import Info, Node
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.credits.connections import (
    CreditRequestConnection,
    GrantConnection,
    credit_request_connection,
    grant_connection,
)
from api.graphql.schema.licenses.contract import Contract
from core.access.keys import READERS
from core.licenses.load import LoadedLicense


@strawberry.type(description="The tenant: what a customer bought.")
class License(Node):
    loaded: strawberry.Private[LoadedLicense]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="Stable and opaque; `node(id)` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("License", self.loaded.license.key))

    @strawberry.field(description="Stable; platforms and front ends name it.")
    def key(self) -> str:
        return self.loaded.license.key

    @strawberry.field(description="What people call it.")
    def name(self) -> str:
        return self.loaded.license.name

    @strawberry.field(description="The IANA time zone at whose midnight its days begin.")
    def time_zone(self) -> str:
        return self.loaded.license.time_zone

    @strawberry.field(description="The contract in force; null while there is none.")
    def contract(self) -> Contract | None:
        version = self.loaded.version_on(self.loaded.today)
        return None if version is None else Contract(row=version)

    @strawberry.field(description="What it uses of what its contract allows.")
    def consumption(self, info: Info) -> Consumption:
        # A caller who may write contracts gets to this license as well.
        info.context.caller.require(*READERS)
        return Consumption(view=self.batch.consumption(self.loaded.id), batch=self.batch)

    @strawberry.field(description="The credits granted to it, newest first.")
    def grants(
        self,
        first: Annotated[int | None, strawberry.argument(description="Grants at the most, up to 100.")] = 20,
        after: After = None,
    ) -> GrantConnection:
        return grant_connection(self.batch, self.loaded.id, first, after)

    @strawberry.field(description="The credits that it asked for: open requests first, then the newest.")
    def credit_requests(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="Requests at the most, up to 100.")] = 20,
        after: After = None,
    ) -> CreditRequestConnection:
        info.context.caller.require(*READERS)
        return credit_request_connection(self.batch, self.loaded.id, first, after)

    @strawberry.field(description="The thresholds that were crossed, newest first.")
    def alerts(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="Alerts at the most, up to 100.")] = 20,
        after: After = None,
        meter: Annotated[str | None, strawberry.argument(description="Only of this meter, by its key.")] = None,
        open_: Annotated[
            bool | None,
            strawberry.argument(name="open", description="Only those that stand, or where false those that are over."),
        ] = None,
    ) -> AlertConnection:
        info.context.caller.require(*READERS)
        return alert_connection(self.batch, self.loaded.id, first, after, meter, open_)
