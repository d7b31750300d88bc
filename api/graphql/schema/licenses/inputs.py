"""The inputs of the mutations of licenses and contracts."""

from datetime import date

import strawberry

from api.graphql.schema.common.scalars import Duration
from api.graphql.schema.licenses.enums import Identifiers, OnOutage, PeriodAnchor
from core.licenses.quota_terms import LOST_AFTER_DAYS


@strawberry.input(description="A user of the license with the admin role.")
class AdminInput:
    email: str = strawberry.field(description="Where warnings go.")
    name: str | None = strawberry.field(default=None, description="What to call them.")
    language: str | None = strawberry.field(default=None, description="As en or fr.")


@strawberry.input(description="A license to make or to change.")
class LicenseInput:
    key: str = strawberry.field(description="Letters, digits, '.', '_' and '-', 100 at most; never changes.")
    name: str = strawberry.field(description="What people call it.")
    time_zone: str = strawberry.field(default="UTC", description="An IANA name, as Europe/Brussels.")
    admins: list[AdminInput] | None = strawberry.field(
        default=None, description="All its admins; left out, those it has stay."
    )


@strawberry.input(description="A named number of a contract.")
class TermInput:
    key: str = strawberry.field(description="Its name, as `interactions_per_profile`.")
    value: float = strawberry.field(description="From 0 to 2^53.")


@strawberry.input(description="From which part of its limit a meter is at risk.")
class AtRiskInput:
    meter: str = strawberry.field(description="The meter's key.")
    ratio: float = strawberry.field(description="Above 0 and up to 1, as 0.8.")


@strawberry.input(description="Further parts of a meter's limit that people are told of. They change no status.")
class AlertAtInput:
    meter: str = strawberry.field(description="The meter's key.")
    ratios: list[float] = strawberry.field(
        description="Each above 0 and up to 10, of a hard limit up to 1; 20 at the most. 1 alerts in any case."
    )


@strawberry.input(description="How the hard quota of a meter is kept. Its size is a term of the contract.")
class QuotaInput:
    meter: str = strawberry.field(description="The meter's key, as `active_installations`.")
    window: Duration | None = strawberry.field(
        default=None,
        description="How long a window is, counted from the anchor of the billing periods in the license's time zone; "
        "left out, calendar months in UTC.",
    )
    back_off_days: int | None = strawberry.field(
        default=None, description="For how long a refused installation stays away at the most; left out, the window."
    )
    lost_after_days: int = strawberry.field(
        default=LOST_AFTER_DAYS, description="An installation that was not seen on so many days is lost."
    )
    on_outage: OnOutage = strawberry.field(
        default=OnOutage.REFUSE, description="What installations are told while the database is away."
    )
    identifiers: Identifiers = strawberry.field(
        default=Identifiers.PLAIN, description="What is kept of an installation's identifier."
    )


@strawberry.input(description="A version of a license's terms, from a date on; the past keeps its own.")
class ContractInput:
    license: str = strawberry.field(description="The license's key.")
    effective_from: date = strawberry.field(description="From when these terms hold.")
    starts_on: date = strawberry.field(description="The anchor of the billing periods.")
    billing_period: Duration = strawberry.field(default=Duration("P1Y"), description="How long a period is.")
    anchor: PeriodAnchor = strawberry.field(
        default=PeriodAnchor.CONTRACT_DATE, description="What billing periods run from."
    )
    terms: list[TermInput] = strawberry.field(description="All the terms.")
    at_risk: list[AtRiskInput] | None = strawberry.field(
        default=None, description="At-risk ratios other than the meters' own."
    )
    alert_at: list[AlertAtInput] | None = strawberry.field(
        default=None, description="Further ratios that people are told of, beside the meters' own."
    )
    expiry_notice_days: list[int] | None = strawberry.field(
        default=None,
        description="How many days before credits expire people are told; left out, 30 and 7; empty, never.",
    )
    warnings: bool = strawberry.field(default=False, description="Whether people are warned of exceeded limits.")
    quotas: list[QuotaInput] | None = strawberry.field(
        default=None, description="How hard quotas are kept, where not by their defaults."
    )
