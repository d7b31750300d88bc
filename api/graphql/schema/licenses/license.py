"""Licenses in the schema."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.opaque import encode
from api.graphql.schema.alerts.connections import AlertConnection, alert_connection
from api.graphql.schema.common.arguments import After
from api.graphql.schema.common.node import Info, Node, Problem
from api.graphql.schema.consumption.consumption import Consumption
from api.graphql.schema.credits.connections import (
    CreditRequestConnection,
    GrantConnection,
    credit_request_connection,
    grant_connection,
)
from api.graphql.schema.licenses.billing_period import BillingPeriod, billing_periods
from api.graphql.schema.licenses.contract import Contract
from api.graphql.schema.licenses.contract_report import ContractReport, one_of, report_on
from api.graphql.schema.licenses.enums import LicenseState
from api.graphql.schema.licenses.inputs import TermInput
from api.graphql.schema.licenses.people import Admin, Contact
from core.access.keys import READERS
from core.alerts.listing import AlertKind
from core.licenses.load import LoadedLicense


@strawberry.type(description="A license: the tenant, which is what a customer bought.")
class License(Node):
    loaded: strawberry.Private[LoadedLicense]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The global id: stable and opaque. The field `node` finds the object by this id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode("License", self.loaded.license.key))

    @strawberry.field(
        description="The stable key of the license, for example `acme`. Platforms and front ends name licenses by key."
    )
    def key(self) -> str:
        return self.loaded.license.key

    @strawberry.field(description="The display name of the license.")
    def name(self) -> str:
        return self.loaded.license.name

    @strawberry.field(
        description="The IANA time zone of the license, for example Europe/Brussels. Days and billing periods begin "
        "at midnight there."
    )
    def time_zone(self) -> str:
        return self.loaded.license.time_zone

    @strawberry.field(description="The state of the license today: active, suspended, or without a contract in force.")
    def state(self) -> LicenseState:
        return self.loaded.state

    @strawberry.field(
        description="The suspension of the license: the code `SUSPENDED`, the operator's reason, and since when. Null "
        "if the license is not suspended."
    )
    def suspended(self) -> Problem | None:
        suspension = self.loaded.suspension
        return (
            None if suspension is None else Problem(code="SUSPENDED", message=suspension.reason, since=suspension.since)
        )

    @strawberry.field(description="The contract that is in force today. Null if there is none.")
    def contract(self) -> Contract | None:
        version = self.loaded.version_on(self.loaded.today)
        return None if version is None else Contract(row=version)

    @strawberry.field(
        description="The billing periods up to the current one, oldest first. Empty before the first contract begins."
    )
    def periods(
        self,
        last: Annotated[
            int | None,
            strawberry.argument(
                description="The maximum number of periods, counted back from the current, from 1 to 100."
            ),
        ] = 12,
    ) -> list[BillingPeriod]:
        return billing_periods(self.loaded, last)

    @strawberry.field(
        description="All versions of the contract, newest first: those in force, over and to come. Withdrawn versions "
        "are left out."
    )
    def contracts(self) -> list[Contract]:
        return [Contract(row=version) for version in reversed(self.loaded.versions)]

    @strawberry.field(
        description="The admins of the license by address, who get its e-mails. Spellings of one mailbox are one admin."
    )
    def admins(self, info: Info) -> list[Admin]:
        info.context.caller.require(*READERS)
        return [
            Admin(email=one.email, name=one.name, language=one.language, subscribed=one.unsubscribed_at is None)
            for one in self.batch.admins.get(self.loaded.id, [])
        ]

    @strawberry.field(
        description="The account manager of the license, to ask for a higher limit. Null if none was put."
    )
    def contact(self) -> Contact | None:
        found = self.loaded.contact
        return None if found is None else Contact(name=found.name, email=found.email, url=found.url)

    @strawberry.field(description="The current usage against the limits of the contract.")
    def consumption(self, info: Info) -> Consumption:
        # A caller who may only write contracts reaches this field through the result of a mutation.
        info.context.caller.require(*READERS)
        return Consumption(view=self.batch.consumption(self.loaded.id), batch=self.batch)

    @strawberry.field(
        description="The report on the contract: what was committed, what was used of it, and what the next contract "
        "should commit. Several fields with different `terms` compare alternatives."
    )
    def contract_report(
        self,
        info: Info,
        from_: Annotated[
            datetime | None,
            strawberry.argument(
                name="from",
                description="An instant on the first day. The default is the first day of the billing period that "
                "holds the last day. A report covers 1100 days at the most.",
            ),
        ] = None,
        to: Annotated[
            datetime | None,
            strawberry.argument(description="An instant on the last day. The default is today."),
        ] = None,
        first_day: Annotated[
            date | None,
            strawberry.argument(description="The first day in the license's time zone, in place of `from`."),
        ] = None,
        last_day: Annotated[
            date | None, strawberry.argument(description="The last day in the license's time zone, in place of `to`.")
        ] = None,
        terms: Annotated[
            list[TermInput] | None,
            strawberry.argument(
                description="Terms that replace those of the contracts, to see what would have been. The default is "
                "the contracts as they are."
            ),
        ] = None,
    ) -> ContractReport:
        info.context.caller.require(*READERS)
        first, last = one_of("from", from_, "firstDay", first_day), one_of("to", to, "lastDay", last_day)
        return report_on(self.batch, self.loaded, first, last, terms)

    @strawberry.field(description="The credits that were granted, newest first.")
    def grants(
        self,
        first: Annotated[
            int | None, strawberry.argument(description="The maximum number of grants, from 1 to 100.")
        ] = 20,
        after: After = None,
    ) -> GrantConnection:
        return grant_connection(self.batch, self.loaded.id, first, after)

    @strawberry.field(description="The requests for credits: open requests first, then the newest.")
    def credit_requests(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="The maximum number of requests, from 1 to 100.")
        ] = 20,
        after: After = None,
    ) -> CreditRequestConnection:
        info.context.caller.require(*READERS)
        return credit_request_connection(self.batch, self.loaded.id, first, after)

    @strawberry.field(description="The alerts, newest first.")
    def alerts(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="The maximum number of alerts, from 1 to 100.")
        ] = 20,
        after: After = None,
        meter: Annotated[
            str | None,
            strawberry.argument(description="Only the alerts of the meter with this key. The default is all meters."),
        ] = None,
        open_: Annotated[
            bool | None,
            strawberry.argument(
                name="open",
                description="True for open alerts only, false for recovered alerts only. The default is both.",
            ),
        ] = None,
        kinds: Annotated[
            list[AlertKind],
            strawberry.argument(description="What the alerts are about. The default is crossed thresholds alone."),
        ] = [AlertKind.THRESHOLD],  # noqa: B006 - read only
    ) -> AlertConnection:
        info.context.caller.require(*READERS)
        return alert_connection(self.batch, self.loaded.id, first, after, meter, open_, kinds)
