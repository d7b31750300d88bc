"""Alerts in the schema."""

from datetime import datetime

import strawberry
from allowance.license import midnight

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.lazy_license import LazyLicense, lazy_license
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.period import Period
from api.graphql.schema.common.status import UsageStatus
from api.graphql.schema.meters.meter import Meter, installed_meter
from core.alerts.listing import AlertKind
from core.alerts.tables import Alert as AlertRow
from core.alerts.tables import ForecastAlert as ForecastRow
from core.consumption.readings.status import UsageStatus as Status
from core.languages.basis import basis_in_words

describe_enum(
    AlertKind,
    "What alerts are about.",
    THRESHOLD="Usage that crossed a threshold.",
    FORECAST="A forecast that reached a ratio of the limit.",
)


@strawberry.type(description="The forecast of the end of the period when it reached a ratio of the limit.")
class AlertForecast:
    row: strawberry.Private[ForecastRow]

    @strawberry.field(description="The usage that was expected at the end of the period, in the meter's unit.")
    def expected(self) -> float:
        return float(self.row.expected)

    @strawberry.field(description="The low end of the range that holds the usage 80 of 100 times.")
    def low(self) -> float:
        return float(self.row.low)

    @strawberry.field(description="The high end of the range.")
    def high(self) -> float:
        return float(self.row.high)

    @strawberry.field(
        description="The time at which the limit is exceeded, or the last credit gone. Null where it may as well be "
        "never."
    )
    def exceeds_at(self) -> datetime | None:
        return self.row.exceeds_at

    @strawberry.field(description="The earliest such time, at the high end of the range. Null if it is not exceeded.")
    def exceeds_earliest(self) -> datetime | None:
        return self.row.exceeds_earliest

    @strawberry.field(description="The latest such time, at the low end of the range. Null if it is not exceeded.")
    def exceeds_latest(self) -> datetime | None:
        return self.row.exceeds_latest


@strawberry.type(
    description="A crossed threshold, or a ratio of the limit that the forecast reached. Each alerts once for each "
    "period and limit."
)
class Alert:
    row: strawberry.Private[AlertRow | ForecastRow]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The id of the alert. It never changes.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.id)

    @strawberry.field(description="The license whose threshold was crossed.")
    def license(self) -> LazyLicense:
        return lazy_license(self.batch, self.row.license_id)

    @strawberry.field(
        description="The meter that crossed the threshold. Null if the plugin of the meter is no longer installed."
    )
    def meter(self, info: Info) -> Meter | None:
        return installed_meter(info.context, self.row.meter)

    @strawberry.field(description="The threshold as a ratio of the limit, for example 0.8 or 1.")
    def ratio(self) -> float:
        return float(self.row.ratio)

    @strawberry.field(description="The full limit when the threshold was crossed, in the meter's unit.")
    def limit(self) -> float:
        return float(self.row.limit)

    @strawberry.field(description='The reason for the limit in the contract, for example "50 custom tables".')
    def basis(self, info: Info) -> str:
        meter = info.context.services.registry.meters.get(self.row.meter)
        return basis_in_words(self.row.basis, meter, info.context.words)

    @strawberry.field(description="The version of the contract that set the limit.")
    def contract_version(self) -> int:
        return self.row.contract_version

    @strawberry.field(description="The usage when the threshold was crossed, in the meter's unit.")
    def used(self) -> float:
        return float(self.row.used)

    @strawberry.field(description="The forecast that reached the ratio. Null for a threshold, which usage has crossed.")
    def forecast(self) -> AlertForecast | None:
        return AlertForecast(row=self.row) if isinstance(self.row, ForecastRow) else None

    @strawberry.field(description="The status of the reading when the threshold was crossed.")
    def status(self) -> UsageStatus:
        return Status(self.row.status)

    @strawberry.field(description="The period in which the threshold was crossed.")
    def period(self) -> Period:
        time_zone = self.batch.licenses[self.row.license_id].license.time_zone
        return Period(start=midnight(self.row.period_first, time_zone), end=midnight(self.row.period_end, time_zone))

    @strawberry.field(
        description="The time since which the threshold was crossed, as far as the history knows. It is earlier than "
        "foundAt if the usage came late, or if the period was over when it was found. For a forecast it is foundAt."
    )
    def crossed_at(self) -> datetime:
        return self.row.found_at if isinstance(self.row, ForecastRow) else self.row.crossed_at

    @strawberry.field(description="The time at which a refresh detected the crossing.")
    def found_at(self) -> datetime:
        return self.row.found_at

    @strawberry.field(
        description="The time at which a refresh found the usage below the threshold again, or the period or limit "
        "ended. A forecast has to be clear for three days, or its ratio not in the contract any more. Null while the "
        "alert is open."
    )
    def recovered_at(self) -> datetime | None:
        return self.row.recovered_at

    @strawberry.field(
        description="The time at which the first message about the crossing was delivered: an e-mail to an admin, a "
        "webhook, or a message of a notifier. Null while nobody was notified. An open alert of which no admin got an "
        "e-mail is sent to the next admin who is added or subscribed."
    )
    def notified_at(self) -> datetime | None:
        return self.row.notified_at
