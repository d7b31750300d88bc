"""Contracts and their terms in the schema."""

from datetime import date
from decimal import Decimal

import strawberry

from api.graphql.schema.common.scalars import Duration
from api.graphql.schema.licenses.enums import Identifiers, OnOutage
from core.licenses import quota_terms as core_terms
from core.licenses.quota_terms import quota_terms
from core.licenses.tables import ContractVersion


@strawberry.type(description="A named number of a contract.")
class Term:
    key: str = strawberry.field(description="Its name, as `interactions_per_profile`.")
    value: float = strawberry.field(description="Its value.")


@strawberry.type(description="How the hard quota of a meter is kept.")
class QuotaTerms:
    meter: str = strawberry.field(description="The meter's key.")
    terms: strawberry.Private[core_terms.QuotaTerms]

    @strawberry.field(description="How long a window is; null for calendar months in UTC.")
    def window(self) -> Duration | None:
        return None if self.terms.window is None else Duration(self.terms.window)

    @strawberry.field(description="For how long a refused installation stays away at the most; null for the window.")
    def back_off_days(self) -> int | None:
        return self.terms.back_off_days

    @strawberry.field(description="An installation that was not seen on so many days is lost.")
    def lost_after_days(self) -> int:
        return self.terms.lost_after_days

    @strawberry.field(description="What installations are told while the database is away.")
    def on_outage(self) -> OnOutage:
        return OnOutage(self.terms.on_outage)

    @strawberry.field(description="What is kept of an installation's identifier.")
    def identifiers(self) -> Identifiers:
        return Identifiers(self.terms.identifiers)


@strawberry.type(description="Further parts of a meter's limit that people are told of.")
class AlertAt:
    meter: str = strawberry.field(description="The meter's key.")
    ratios: list[float] = strawberry.field(description="The parts of the limit, lowest first.")


@strawberry.type(description="The terms in force.")
class Contract:
    row: strawberry.Private[ContractVersion]

    @strawberry.field(description="Grows with every version that was put.")
    def version(self) -> int:
        return self.row.version

    @strawberry.field(description="From when these terms hold.")
    def effective_from(self) -> date:
        return self.row.effective_from

    @strawberry.field(description="The anchor of the billing periods.")
    def starts_on(self) -> date:
        return self.row.starts_on

    @strawberry.field(description="How long a billing period is.")
    def billing_period(self) -> Duration:
        return Duration(self.row.billing_period)

    @strawberry.field(description="The terms by key.")
    def terms(self) -> list[Term]:
        return [Term(key=key, value=float(Decimal(value))) for key, value in sorted(self.row.terms.items())]

    @strawberry.field(description="Further ratios that people are told of, beside the meters' own.")
    def alert_at(self) -> list[AlertAt]:
        found = sorted(self.row.alert_at.items())
        return [AlertAt(meter=meter, ratios=[float(Decimal(one)) for one in ratios]) for meter, ratios in found]

    @strawberry.field(description="How hard quotas are kept, where not by their defaults.")
    def quotas(self) -> list[QuotaTerms]:
        return [QuotaTerms(meter=meter, terms=quota_terms(self.row.quotas, meter)) for meter in sorted(self.row.quotas)]

    @strawberry.field(description="How many days before credits expire people are told, the most first.")
    def expiry_notice_days(self) -> list[int]:
        return list(self.row.expiry_notice_days)

    @strawberry.field(description="Whether people are warned of exceeded limits.")
    def warnings(self) -> bool:
        return self.row.warnings
