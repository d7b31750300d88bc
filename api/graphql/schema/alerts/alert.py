"""Alerts in the schema."""

from datetime import datetime

import strawberry
from allowance.license import midnight

from api.graphql.schema.common.node import Info
from api.graphql.schema.common.period import Period
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.meters.meter import Meter
from core.alerts.tables import Alert as AlertRow
from core.consumption.readings.status import UsageStatus as Status


@strawberry.type(description="A threshold that was crossed: told once for each period and limit in force.")
class Alert:
    row: strawberry.Private[AlertRow]
    time_zone: strawberry.Private[str]

    @strawberry.field(description="Stable.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.id)

    @strawberry.field(description="What is measured; null where its plugin is not installed any more.")
    def meter(self, info: Info) -> Meter | None:
        found = info.context.runtime.registry.meters.get(self.row.meter)
        return Meter(meter=found) if found else None

    @strawberry.field(description="The part of the limit that was crossed, as 0.8 or 1.")
    def ratio(self) -> float:
        return float(self.row.ratio)

    @strawberry.field(description="The limit that it is a part of, in the meter's unit.")
    def limit(self) -> float:
        return float(self.row.limit)

    @strawberry.field(description="How the limit follows from the contract.")
    def basis(self) -> str:
        return self.row.basis

    @strawberry.field(description="The version of the contract that the limit is of.")
    def contract_version(self) -> int:
        return self.row.contract_version

    @strawberry.field(description="What was used when it was found, in the meter's unit.")
    def used(self) -> float:
        return float(self.row.used)

    @strawberry.field(description="The status then.")
    def status(self) -> UsageStatus:
        return Status(self.row.status)

    @strawberry.field(description="The period that it was crossed in.")
    def period(self) -> Period:
        return Period(
            start=midnight(self.row.period_first, self.time_zone), end=midnight(self.row.period_end, self.time_zone)
        )

    @strawberry.field(description="When a refresh found it.")
    def crossed_at(self) -> datetime:
        return self.row.crossed_at

    @strawberry.field(
        description="When a refresh found it crossed no more, or its period or limit over; null while it is open."
    )
    def recovered_at(self) -> datetime | None:
        return self.row.recovered_at
