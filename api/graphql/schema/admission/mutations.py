"""The mutations of hard quotas. The endpoint of check-ins over HTTP is :mod:`api.endpoints.check_in`."""

from typing import Annotated

import strawberry

from api.graphql.schema.admission.check_in import CheckIn, CheckInInput
from api.graphql.schema.admission.freed_places import FreePlacesInput, FreePlacesResult
from api.graphql.schema.admission.secrets import (
    CheckInSignatures,
    RequireSignaturesInput,
    RequireSignaturesResult,
    RotateCheckInSecretInput,
    RotateCheckInSecretResult,
)
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import reports_errors
from core.access.keys import Scope
from core.administration import free_places as freeing
from core.administration import inputs, sign_check_ins


@strawberry.mutation(
    description="Check in an installation against a hard quota. The answer is committed when it arrives."
)
def check_in(
    info: Info, input: Annotated[CheckInInput, strawberry.argument(description="The installation that checks in.")]
) -> CheckIn:
    context = info.context
    admitter = context.services.admitter
    fields = {
        "license": input.license,
        "installation": input.installation,
        "meter": input.meter,
        "signature": input.signature,
    }
    question = admitter.quota_meters.check(context.caller, fields)
    context.close()
    return CheckIn(record=admitter.check_in(question))


@strawberry.mutation(
    description="Free places of a hard quota in the present window, such as those of made-up installations. As many "
    "other installations can take a place at once. Readings, history and alerts follow at the next refresh."
)
@reports_errors(FreePlacesResult)
def free_places(
    info: Info, input: Annotated[FreePlacesInput, strawberry.argument(description="The places to free.")]
) -> FreePlacesResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    meter = context.services.admitter.quota_meters.find(input.meter)
    given = inputs.FreeingInput(
        input.license, input.installation, input.first_seen_from, input.first_seen_before, input.note
    )
    with context.write() as session:
        record = freeing.free_places(session, given, meter, context.caller.name, context.now)
        freed = record.freed if record else 0
    context.services.announcer.announce()
    context.services.admitter.forget(input.license)
    return FreePlacesResult(freed=freed)


@strawberry.mutation(
    description="Give a license its first or a new secret for signing installations. Signatures by the secret before "
    "it are accepted for `overlapDays` more."
)
@reports_errors(RotateCheckInSecretResult)
def rotate_check_in_secret(
    info: Info,
    input: Annotated[RotateCheckInSecretInput, strawberry.argument(description="The license that gets a secret.")],
) -> RotateCheckInSecretResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    with context.write() as session:
        row = sign_check_ins.rotate_check_in_secret(
            session, input.license, input.overlap_days, context.caller.name, context.now
        )
        secret, signatures = row.secret, CheckInSignatures.of(row)
    context.services.admitter.forget(input.license)
    return RotateCheckInSecretResult(secret=secret, signatures=signatures)


@strawberry.mutation(description="State whether installations of a license must be signed to take a place.")
@reports_errors(RequireSignaturesResult)
def require_signatures(
    info: Info,
    input: Annotated[RequireSignaturesInput, strawberry.argument(description="The license and the rule.")],
) -> RequireSignaturesResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    with context.write() as session:
        row = sign_check_ins.require_signatures(
            session, input.license, context.caller.name, context.now, required=input.required
        )
        signatures = CheckInSignatures.of(row)
    context.services.admitter.forget(input.license)
    return RequireSignaturesResult(signatures=signatures)
