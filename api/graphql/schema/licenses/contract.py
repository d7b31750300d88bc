"""Contracts and their terms in the schema."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.common.scalars import Duration
from api.graphql.schema.common.term import Term
from api.graphql.schema.licenses.enums import Identifiers, OnOutage
from api.graphql.schema.meters.meter import Meter, installed_meter
from core.licenses import quota_terms as core_terms
from core.licenses.quota_terms import quota_terms
from core.licenses.tables import ContractVersion


@strawberry.type(description="The rules for a hard quota.")
class QuotaTerms:
    meter: str = strawberry.field(
        description="The key of the meter.",
        deprecation_reason="Use `meterOf`, which has the title too. This field may be removed from 2028-01-01.",
    )
    terms: strawberry.Private[core_terms.QuotaTerms]

    @strawberry.field(description="The meter. Null if its plugin is no longer installed.")
    def meter_of(self, info: Info) -> Meter | None:
        return installed_meter(info.context, self.meter)

    @strawberry.field(description="The length of a quota window. Null stands for calendar months in UTC.")
    def window(self) -> Duration | None:
        return None if self.terms.window is None else Duration(self.terms.window)

    @strawberry.field(
        description="The maximum number of days that a refused installation must stay away. Null stands for the end "
        "of the window."
    )
    def back_off_days(self) -> int | None:
        return self.terms.back_off_days

    @strawberry.field(description="The number of days after which an installation that was not seen is lost.")
    def lost_after_days(self) -> int:
        return self.terms.lost_after_days

    @strawberry.field(description="The behaviour of check-ins while the database is unavailable.")
    def on_outage(self) -> OnOutage:
        return OnOutage(self.terms.on_outage)

    @strawberry.field(description="The form in which identifiers of installations are stored.")
    def identifiers(self) -> Identifiers:
        return Identifiers(self.terms.identifiers)


@strawberry.type(description="Additional thresholds of one meter.")
class AlertAt:
    meter: str = strawberry.field(
        description="The key of the meter.",
        deprecation_reason="Use `meterOf`, which has the title too. This field may be removed from 2028-01-01.",
    )
    ratios: list[float] = strawberry.field(description="The thresholds as ratios of the limit, lowest first.")

    @strawberry.field(description="The meter. Null if its plugin is no longer installed.")
    def meter_of(self, info: Info) -> Meter | None:
        return installed_meter(info.context, self.meter)


@strawberry.type(description="A version of a license's contract: the terms in force from a day on.")
class Contract:
    row: strawberry.Private[ContractVersion]

    @strawberry.field(description="The number of this version of the contract. Every new version gets a higher number.")
    def version(self) -> int:
        return self.row.version

    @strawberry.field(description="The first day on which these terms are in force.")
    def effective_from(self) -> date:
        return self.row.effective_from

    @strawberry.field(
        description="The last day on which these terms are in force, unless a later version begins before. Null "
        "for no end."
    )
    def ends_on(self) -> date | None:
        return self.row.ends_on

    @strawberry.field(description="The day from which billing periods are counted.")
    def starts_on(self) -> date:
        return self.row.starts_on

    @strawberry.field(description="The length of a billing period.")
    def billing_period(self) -> Duration:
        return Duration(self.row.billing_period)

    @strawberry.field(description="The terms, in alphabetical order of their keys.")
    def terms(self) -> list[Term]:
        return [Term(key=key, value=float(Decimal(value))) for key, value in sorted(self.row.terms.items())]

    @strawberry.field(
        description="The additional thresholds that alert people, beside the thresholds that the meters define."
    )
    def alert_at(self) -> list[AlertAt]:
        return _alert_at(self.row.alert_at)

    @strawberry.field(
        description="The ratios of the limit that alert people once the forecast expects them to be reached at the end "
        "of the period."
    )
    def forecast_at(self) -> list[AlertAt]:
        return _alert_at(self.row.forecast_at)

    @strawberry.field(description="The rules for hard quotas that differ from the defaults.")
    def quotas(self) -> list[QuotaTerms]:
        return [QuotaTerms(meter=meter, terms=quota_terms(self.row.quotas, meter)) for meter in sorted(self.row.quotas)]

    @strawberry.field(
        description="The numbers of days before credits expire on which people are notified, largest first."
    )
    def expiry_notice_days(self) -> list[int]:
        return list(self.row.expiry_notice_days)

    @strawberry.field(description="True if applications warn people of exceeded limits.")
    def warnings(self) -> bool:
        return self.row.warnings


def _alert_at(ratios: Mapping[str, Sequence[str]]) -> list[AlertAt]:
    return [
        AlertAt(meter=meter, ratios=[float(Decimal(ratio)) for ratio in of_meter])
        for meter, of_meter in sorted(ratios.items())
    ]
