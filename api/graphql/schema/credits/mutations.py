"""The mutations of credits."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import find_batch
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.common.scalars import decimal
from api.graphql.schema.credits.credit_request import CreditRequest, request_key
from api.graphql.schema.credits.grant import Grant
from api.graphql.schema.credits.inputs import (
    DeclineCreditRequestInput,
    GrantCreditsInput,
    RequestCreditsInput,
    VoidGrantInput,
)
from core.access.keys import READERS, Scope
from core.administration import decline_request as declining
from core.administration import grant_credits as grants
from core.administration import inputs
from core.administration import request_credits as requests
from core.administration import void_grant as voiding


@strawberry.type(description="The result of `grantCredits`.")
class GrantCreditsResult:
    grant: Grant | None = strawberry.field(default=None, description="The grant. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `voidGrant`.")
class VoidGrantResult:
    grant: Grant | None = strawberry.field(default=None, description="The voided grant. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `requestCredits`.")
class RequestCreditsResult:
    request: CreditRequest | None = strawberry.field(default=None, description="The request. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `declineCreditRequest`.")
class DeclineCreditRequestResult:
    request: CreditRequest | None = strawberry.field(
        default=None, description="The declined request. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Grant credits. A second grant with the same id changes nothing. A grant also closes the credit "
    "request that it answers."
)
@reports_errors(GrantCreditsResult)
def grant_credits(
    info: Info, input: Annotated[GrantCreditsInput, strawberry.argument(description="The grant.")]
) -> GrantCreditsResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    grant = inputs.GrantInput(
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
    with context.write() as session:
        row = grants.grant_credits(session, grant, context.services.registry, context.now)
    context.services.announcer.announce()
    batch = find_batch(context, input.license)
    return GrantCreditsResult(grant=Grant(row=row, batch=batch) if batch else None)


@strawberry.mutation(
    description="Void a grant of credits: what is left of it, or all of it. Voiding it again in the same way changes "
    "nothing. Readings, history and alerts follow at the next refresh."
)
@reports_errors(VoidGrantResult)
def void_grant(
    info: Info, input: Annotated[VoidGrantInput, strawberry.argument(description="The grant to void.")]
) -> VoidGrantResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    given = inputs.VoidInput(input.license, input.grant, input.note, input.all)
    with context.write() as session:
        row = voiding.void_grant(session, given, context.caller.name, context.now)
    context.services.announcer.announce()
    batch = find_batch(context, input.license)
    return VoidGrantResult(grant=Grant(row=row, batch=batch) if batch else None)


@strawberry.mutation(
    description="Request credits from the operators. An open request of the same person with the same content is "
    "returned again instead of a new one."
)
@reports_errors(RequestCreditsResult)
def request_credits(
    info: Info, input: Annotated[RequestCreditsInput, strawberry.argument(description="The request.")]
) -> RequestCreditsResult:
    context = info.context
    context.caller.require(*READERS, license=input.license)
    request = inputs.CreditRequestInput(
        license=input.license,
        amount=decimal(input.amount),
        entity=input.entity,
        note=input.note,
        meter=input.meter,
    )
    services = context.services
    with context.write() as session:
        row = requests.request_credits(
            session,
            request,
            services.registry,
            services.settings.operators,
            context.caller.name,
            context.now,
            context.caller.person,
        )
    batch = find_batch(context, input.license)
    return RequestCreditsResult(request=CreditRequest(row=row, batch=batch) if batch else None)


@strawberry.mutation(
    description="Decline a request for credits, with a reason. The admins of the license get an e-mail. Declining it "
    "again with the same reason changes nothing."
)
@reports_errors(DeclineCreditRequestResult)
def decline_credit_request(
    info: Info,
    input: Annotated[DeclineCreditRequestInput, strawberry.argument(description="The request and the reason.")],
) -> DeclineCreditRequestResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    given = inputs.DeclineInput(input.license, request_key(input.license, input.request), input.reason)
    notifiers = context.services.registry.notifiers.values()
    with context.write() as session:
        row = declining.decline_request(session, given, notifiers, context.caller.name, context.now)
    batch = find_batch(context, input.license)
    return DeclineCreditRequestResult(request=CreditRequest(row=row, batch=batch) if batch else None)
