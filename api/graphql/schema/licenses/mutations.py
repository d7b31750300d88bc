"""The mutations of licenses and contracts."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import strawberry

from api.graphql.context import Context
from api.graphql.license_batch import find_batch
from api.graphql.schema.common.arguments import stated
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.common.scalars import decimal
from api.graphql.schema.licenses.contract import Contract
from api.graphql.schema.licenses.inputs import (
    ContactInput,
    ContractInput,
    LicenseInput,
    QuotaInput,
    ResumeLicenseInput,
    SuspendLicenseInput,
    WithdrawContractInput,
)
from api.graphql.schema.licenses.license import License
from core.access.keys import Scope
from core.administration import inputs
from core.administration import put_contract as contracts
from core.administration import put_license as licenses
from core.administration import suspend_license as suspensions
from core.administration import withdraw_contract as withdrawals
from core.left_out import LEFT_OUT, LeftOut
from core.licenses.contact import Contact
from core.licenses.quota_terms import QuotaTerms

T = TypeVar("T")
R = TypeVar("R")


@strawberry.type(description="The result of `putLicense`.")
class PutLicenseResult:
    license: License | None = strawberry.field(default=None, description="The license. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `putContract`.")
class PutContractResult:
    contract: Contract | None = strawberry.field(
        default=None, description="The contract version. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `withdrawContract`.")
class WithdrawContractResult:
    withdrawn: bool = strawberry.field(
        default=False, description="True if the version is withdrawn, now or before. False if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `suspendLicense`.")
class SuspendLicenseResult:
    license: License | None = strawberry.field(default=None, description="The license. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `resumeLicense`.")
class ResumeLicenseResult:
    license: License | None = strawberry.field(default=None, description="The license. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.mutation(description="Create a license, or change it.")
@reports_errors(PutLicenseResult)
def put_license(
    info: Info, input: Annotated[LicenseInput, strawberry.argument(description="The license.")]
) -> PutLicenseResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.key)
    license = inputs.LicenseInput(
        key=input.key,
        name=stated(input.name),
        time_zone=stated(input.time_zone),
        admins=_items(
            input.admins, lambda admin: inputs.AdminInput(admin.email, stated(admin.name), stated(admin.language))
        ),
        contact=_contact(stated(input.contact)),
    )
    with context.write() as session:
        licenses.put_license(session, license, context.now, context.services.settings.max_admins)
    _announce_change(context, input.key)
    return PutLicenseResult(license=_changed_license(context, input.key))


@strawberry.mutation(
    description="Put a version of a contract that is in force from a day on. Putting the same version again "
    "changes nothing."
)
@reports_errors(PutContractResult)
def put_contract(
    info: Info, input: Annotated[ContractInput, strawberry.argument(description="The contract version.")]
) -> PutContractResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    contract = inputs.ContractInput(
        license=input.license,
        effective_from=input.effective_from,
        starts_on=input.starts_on,
        ends_on=stated(input.ends_on),
        billing_period=stated(input.billing_period),
        anchor=stated(input.anchor and input.anchor.value),
        terms=tuple((term.key, decimal(term.value)) for term in input.terms),
        at_risk=_items(input.at_risk, lambda item: (item.meter, decimal(item.ratio))),
        alert_at=_items(input.alert_at, lambda item: (item.meter, tuple(map(decimal, item.ratios)))),
        forecast_at=_items(input.forecast_at, lambda item: (item.meter, tuple(map(decimal, item.ratios)))),
        warnings=stated(input.warnings),
        expiry_notice_days=_items(input.expiry_notice_days, int),
        quotas=_items(input.quotas, lambda item: (item.meter, _quota_terms(item))),
    )
    with context.write() as session:
        row = contracts.put_contract(
            session,
            contract,
            context.services.registry,
            context.now,
            context.services.settings.max_contract_versions,
        )
    _announce_change(context, input.license)
    return PutContractResult(contract=Contract(row=row))


@strawberry.mutation(
    description="Take back a contract version as if it had never been put. Taking it back again changes nothing."
)
@reports_errors(WithdrawContractResult)
def withdraw_contract(
    info: Info, input: Annotated[WithdrawContractInput, strawberry.argument(description="The contract version.")]
) -> WithdrawContractResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    with context.write() as session:
        withdrawals.withdraw_contract(
            session, input.license, input.version, begun=input.begun, by=context.caller.name, now=context.now
        )
    _announce_change(context, input.license)
    return WithdrawContractResult(withdrawn=True)


@strawberry.mutation(
    description="Suspend a license: its installations are refused when they check in, and its usage is still counted. "
    "Suspending it again with the same reason changes nothing."
)
@reports_errors(SuspendLicenseResult)
def suspend_license(
    info: Info, input: Annotated[SuspendLicenseInput, strawberry.argument(description="The license and the reason.")]
) -> SuspendLicenseResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    with context.write() as session:
        suspensions.suspend_license(session, input.license, input.reason, by=context.caller.name, now=context.now)
    _announce_change(context, input.license)
    return SuspendLicenseResult(license=_changed_license(context, input.license))


@strawberry.mutation(
    description="Resume a suspended license. Resuming a license that is not suspended changes nothing."
)
@reports_errors(ResumeLicenseResult)
def resume_license(
    info: Info, input: Annotated[ResumeLicenseInput, strawberry.argument(description="The license.")]
) -> ResumeLicenseResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    with context.write() as session:
        suspensions.resume_license(session, input.license)
    _announce_change(context, input.license)
    return ResumeLicenseResult(license=_changed_license(context, input.license))


def _announce_change(context: Context, license: str) -> None:
    """Announce the license's refresh, and let check-ins at this process notice the change at once."""
    context.services.announcer.announce()
    context.services.admitter.forget(license)


def _changed_license(context: Context, key: str) -> License | None:
    batch = find_batch(context, key)
    return License(loaded=batch.license, batch=batch) if batch else None


def _items(values: Sequence[T] | None, make: Callable[[T], R]) -> tuple[R, ...] | LeftOut | None:
    """Return the items of a list that an input states: LEFT_OUT and null stay themselves."""
    items = stated(values)
    return items if items is None or items is LEFT_OUT else tuple(map(make, items))


def _quota_terms(quota: QuotaInput) -> QuotaTerms:
    return QuotaTerms(
        quota.window, quota.back_off_days, quota.lost_after_days, quota.on_outage.value, quota.identifiers.value
    )


def _contact(given: ContactInput | LeftOut | None) -> Contact | LeftOut | None:
    return Contact(given.name, given.email, given.url) if isinstance(given, ContactInput) else given
