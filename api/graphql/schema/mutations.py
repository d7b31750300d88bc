"""The mutations, and who may make them. Expected failures are data in the result."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from api.graphql.schema.admission.check_in import CheckIn, CheckInInput, check_in
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import Info, InputError, input_errors
from api.graphql.schema.common.scalars import Duration, decimal
from api.graphql.schema.credits.credits import CreditRequest, Grant, grant_of, request_key
from api.graphql.schema.licenses.license import Contract, License, page_of
from api.graphql.schema.refresh.refresh import RefreshRequest, ask_for_refresh
from api.graphql.schema.usage.record_usage import RecordUsageResult, UsageEventInput, record_usage
from api.graphql.schema.webhooks.webhook import (
    DeleteWebhookEndpointResult,
    PutWebhookEndpointResult,
    RedeliverWebhookInput,
    RotateWebhookSecretInput,
    RotateWebhookSecretResult,
    WebhookDeliveryResult,
    WebhookEndpointInput,
    WebhookEndpointKeyInput,
    delete_webhook_endpoint,
    put_webhook_endpoint,
    redeliver_webhook,
    rotate_webhook_secret,
    send_test_webhook,
)
from core.access.keys import READERS, Scope
from core.administration import inputs
from core.administration.put import grant_credits, put_contract, put_license
from core.administration.request_credits import request_credits
from core.errors import BadInput, InvalidInput
from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE
from core.licenses.find import find_license, no_license
from core.licenses.quota_terms import LOST_AFTER_DAYS, Identifiers, OnOutage, QuotaTerms
from core.licenses.tables import EXPIRY_NOTICE_DAYS


class PeriodAnchor(StrEnum):
    """The anchors of billing periods."""

    CONTRACT_DATE = CONTRACT_DATE
    CALENDAR_YEAR = CALENDAR_YEAR


describe_enum(
    PeriodAnchor,
    "What billing periods run from.",
    CONTRACT_DATE="From `startsOn`.",
    CALENDAR_YEAR="From 1 January of the year of `startsOn`.",
)


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


@strawberry.input(description="Credits to grant.")
class GrantCreditsInput:
    id: str = strawberry.field(description="Granting the same id twice grants once.")
    license: str = strawberry.field(description="The license's key.")
    amount: float = strawberry.field(description="Credits, above 0.")
    entity: str | None = strawberry.field(default=None, description="The entity that alone may use them.")
    granted_at: datetime | None = strawberry.field(default=None, description="From when; left out, now.")
    expires_at: datetime | None = strawberry.field(default=None, description="When the rest is lost; left out, never.")
    note: str | None = strawberry.field(default=None, description="For people.")
    meter: str | None = strawberry.field(
        default=None, description="The meter of credits; may be left out where one is installed."
    )
    request: strawberry.ID | None = strawberry.field(
        default=None,
        description="The `id` of the request that it answers; left out, the oldest open one for the same meter and "
        "entity, if there is one.",
    )


@strawberry.input(description="Credits to ask the operators for.")
class RequestCreditsInput:
    license: str = strawberry.field(description="The license's key.")
    amount: float = strawberry.field(description="Credits, above 0.")
    entity: str | None = strawberry.field(default=None, description="The entity that alone is to use them.")
    note: str | None = strawberry.field(default=None, description="For the operators.")
    meter: str | None = strawberry.field(
        default=None, description="The meter of credits; may be left out where one is installed."
    )


@strawberry.type(description="What became of it: the license, or what is wrong with the input.")
class PutLicenseResult:
    license: License | None = strawberry.field(default=None, description="Null where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it: the contract version, or what is wrong with the input.")
class PutContractResult:
    contract: Contract | None = strawberry.field(default=None, description="Null where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it: the grant, or what is wrong with the input.")
class GrantCreditsResult:
    grant: Grant | None = strawberry.field(default=None, description="Null where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it: the request, or what is wrong with the input.")
class RequestCreditsResult:
    request: CreditRequest | None = strawberry.field(default=None, description="Null where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What may be changed. A failure that is to be expected is data in the result.")
class Mutation:
    @strawberry.mutation(description="Record usage events; what is acknowledged is committed, each event once.")
    def record_usage(
        self,
        info: Info,
        events: Annotated[list[UsageEventInput], strawberry.argument(description="The events.")],
    ) -> RecordUsageResult:
        return record_usage(info.context, events)

    @strawberry.mutation(description="An installation calls home: it is admitted, known, or told to back off.")
    def check_in(
        self, info: Info, input: Annotated[CheckInInput, strawberry.argument(description="The installation.")]
    ) -> CheckIn:
        return check_in(info.context, input)

    @strawberry.mutation(description="Ask for a license's sections to be refreshed now.")
    def refresh_consumption(
        self,
        info: Info,
        license: Annotated[
            str | None, strawberry.argument(description="The license's key; left out, the key's own license.")
        ] = None,
        sections: Annotated[list[str] | None, strawberry.argument(description="Only these; left out, all.")] = None,
    ) -> RefreshRequest:
        context = info.context
        context.caller.require(*READERS)
        key = license if license is not None else context.caller.license
        if key is None:
            raise BadInput("This key is for all licenses: name one with `license`.")
        context.caller.require(*READERS, license=key)
        row = find_license(context.session, key)
        if row is None:
            raise no_license(context.session, key)
        return ask_for_refresh(context, row, sections)

    @strawberry.mutation(description="Make a license, or change it.")
    def put_license(
        self, info: Info, input: Annotated[LicenseInput, strawberry.argument(description="The license.")]
    ) -> PutLicenseResult:
        context = info.context
        context.caller.require(Scope.CONTRACT_WRITE, license=input.key)
        admins = None
        if input.admins is not None:
            admins = tuple(inputs.AdminInput(one.email, one.name, one.language) for one in input.admins)
        given = inputs.LicenseInput(input.key, input.name, input.time_zone, admins)
        try:
            with context.write() as session:
                put_license(session, given, context.now)
        except InvalidInput as invalid:
            return PutLicenseResult(errors=input_errors(invalid))
        context.announcer.announce()
        page = page_of(context, input.key)
        if page is None:
            return PutLicenseResult()
        (loaded,) = page.licenses.values()
        return PutLicenseResult(license=License(loaded=loaded, page=page))

    @strawberry.mutation(description="Put a contract version from a date on; putting the same again changes nothing.")
    def put_contract(
        self, info: Info, input: Annotated[ContractInput, strawberry.argument(description="The version.")]
    ) -> PutContractResult:
        context = info.context
        context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
        given = inputs.ContractInput(
            license=input.license,
            effective_from=input.effective_from,
            starts_on=input.starts_on,
            billing_period=input.billing_period,
            anchor=input.anchor.value,
            terms=tuple((term.key, decimal(term.value)) for term in input.terms),
            at_risk=tuple((one.meter, decimal(one.ratio)) for one in input.at_risk or ()),
            alert_at=tuple((one.meter, tuple(map(decimal, one.ratios))) for one in input.alert_at or ()),
            warnings=input.warnings,
            expiry_notice_days=(
                EXPIRY_NOTICE_DAYS if input.expiry_notice_days is None else tuple(input.expiry_notice_days)
            ),
            quotas=tuple((one.meter, _quota_terms(one)) for one in input.quotas or ()),
        )
        try:
            with context.write() as session:
                row = put_contract(session, given, context.runtime.registry, context.now)
        except InvalidInput as invalid:
            return PutContractResult(errors=input_errors(invalid))
        context.announcer.announce()
        return PutContractResult(contract=Contract(row=row))

    @strawberry.mutation(description="Grant credits; granting the same id twice grants once. It answers a request.")
    def grant_credits(
        self, info: Info, input: Annotated[GrantCreditsInput, strawberry.argument(description="The grant.")]
    ) -> GrantCreditsResult:
        context = info.context
        context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
        given = inputs.GrantInput(
            id=input.id,
            license=input.license,
            amount=decimal(input.amount),
            entity=input.entity,
            granted_at=input.granted_at,
            expires_at=input.expires_at,
            note=input.note,
            meter=input.meter,
            request=None if input.request is None else request_key(input.license, input.request),
        )
        try:
            with context.write() as session:
                row = grant_credits(session, given, context.runtime.registry, context.now)
        except InvalidInput as invalid:
            return GrantCreditsResult(errors=input_errors(invalid))
        context.announcer.announce()
        page = page_of(context, input.license)
        return GrantCreditsResult(grant=grant_of(row, page) if page else None)

    @strawberry.mutation(description="Make a webhook endpoint, or change it.")
    def put_webhook_endpoint(
        self, info: Info, input: Annotated[WebhookEndpointInput, strawberry.argument(description="The endpoint.")]
    ) -> PutWebhookEndpointResult:
        return put_webhook_endpoint(info.context, input)

    @strawberry.mutation(description="Remove a webhook endpoint; what is on its way there is dropped.")
    def delete_webhook_endpoint(
        self, info: Info, input: Annotated[WebhookEndpointKeyInput, strawberry.argument(description="The endpoint.")]
    ) -> DeleteWebhookEndpointResult:
        return delete_webhook_endpoint(info.context, input)

    @strawberry.mutation(description="Give a webhook endpoint a new secret; for a while the old one signs beside it.")
    def rotate_webhook_secret(
        self, info: Info, input: Annotated[RotateWebhookSecretInput, strawberry.argument(description="The endpoint.")]
    ) -> RotateWebhookSecretResult:
        return rotate_webhook_secret(info.context, input)

    @strawberry.mutation(description="Send a message of kind webhook.test to a webhook endpoint alone.")
    def send_test_webhook(
        self, info: Info, input: Annotated[WebhookEndpointKeyInput, strawberry.argument(description="The endpoint.")]
    ) -> WebhookDeliveryResult:
        return send_test_webhook(info.context, input)

    @strawberry.mutation(description="Send a delivery once more under the same id, whatever became of it.")
    def redeliver_webhook(
        self, info: Info, input: Annotated[RedeliverWebhookInput, strawberry.argument(description="The delivery.")]
    ) -> WebhookDeliveryResult:
        return redeliver_webhook(info.context, input)

    @strawberry.mutation(
        description="Ask the operators for credits; an open request that says the same is given again."
    )
    def request_credits(
        self, info: Info, input: Annotated[RequestCreditsInput, strawberry.argument(description="The request.")]
    ) -> RequestCreditsResult:
        context = info.context
        context.caller.require(*READERS, license=input.license)
        given = inputs.CreditRequestInput(
            license=input.license,
            amount=decimal(input.amount),
            entity=input.entity,
            note=input.note,
            meter=input.meter,
        )
        runtime = context.runtime
        try:
            with context.write() as session:
                row = request_credits(
                    session, given, runtime.registry, runtime.settings.operators, context.caller.name, context.now
                )
        except InvalidInput as invalid:
            return RequestCreditsResult(errors=input_errors(invalid))
        page = page_of(context, input.license)
        return RequestCreditsResult(request=CreditRequest(row=row, page=page) if page else None)


def _quota_terms(given: QuotaInput) -> QuotaTerms:
    return QuotaTerms(
        given.window, given.back_off_days, given.lost_after_days, given.on_outage.value, given.identifiers.value
    )
