"""The mutations of licenses and contracts."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import find_batch
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.common.scalars import decimal
from api.graphql.schema.licenses.contract import Contract
from api.graphql.schema.licenses.inputs import ContractInput, LicenseInput, QuotaInput
from api.graphql.schema.licenses.license import License
from core.access.keys import Scope
from core.administration import inputs
from core.administration import put_contract as contracts
from core.administration import put_license as licenses
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import EXPIRY_NOTICE_DAYS


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


@strawberry.mutation(description="Create a license, or change it.")
@reports_errors(PutLicenseResult)
def put_license(
    info: Info, input: Annotated[LicenseInput, strawberry.argument(description="The license.")]
) -> PutLicenseResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.key)
    admins = None
    if input.admins is not None:
        admins = tuple(inputs.AdminInput(admin.email, admin.name, admin.language) for admin in input.admins)
    license = inputs.LicenseInput(input.key, input.name, input.time_zone, admins)
    with context.write() as session:
        licenses.put_license(session, license, context.now)
    context.services.announcer.announce()
    batch = find_batch(context, input.key)
    return PutLicenseResult(license=License(loaded=batch.license, batch=batch) if batch else None)


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
        billing_period=input.billing_period,
        anchor=input.anchor.value,
        terms=tuple((term.key, decimal(term.value)) for term in input.terms),
        at_risk=tuple((item.meter, decimal(item.ratio)) for item in input.at_risk or ()),
        alert_at=tuple((item.meter, tuple(map(decimal, item.ratios))) for item in input.alert_at or ()),
        warnings=input.warnings,
        expiry_notice_days=(
            EXPIRY_NOTICE_DAYS if input.expiry_notice_days is None else tuple(input.expiry_notice_days)
        ),
        quotas=tuple((item.meter, _quota_terms(item)) for item in input.quotas or ()),
    )
    with context.write() as session:
        row = contracts.put_contract(session, contract, context.services.registry, context.now)
    context.services.announcer.announce()
    return PutContractResult(contract=Contract(row=row))


def _quota_terms(quota: QuotaInput) -> QuotaTerms:
    return QuotaTerms(
        quota.window, quota.back_off_days, quota.lost_after_days, quota.on_outage.value, quota.identifiers.value
    )
