"""The mutation that sends a delivery again."""

from typing import Annotated

import strawberry

from api.graphql.license_batch import batch_of
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.deliveries.delivery import StuckDelivery
from core.access.keys import Scope
from core.database.leases import claim_time
from core.delivery.stuck import redeliver_stuck


@strawberry.input(description="A delivery to send again.")
class RedeliverInput:
    license: str = strawberry.field(description="The key of the license.")
    delivery: strawberry.ID = strawberry.field(description="The `id` of the delivery.")


@strawberry.type(description="The result of `redeliver`.")
class RedeliverResult:
    delivery: StuckDelivery | None = strawberry.field(
        default=None, description="The delivery. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Send a delivery of any channel again, under the same id. The caller's key must have the scope "
    "`operate`."
)
@reports_errors(RedeliverResult)
def redeliver(
    info: Info, input: Annotated[RedeliverInput, strawberry.argument(description="The delivery.")]
) -> RedeliverResult:
    context = info.context
    context.caller.require(Scope.OPERATE, license=input.license)
    with context.write() as session:
        stuck = redeliver_stuck(session, input.license, input.delivery, claim_time(session))
    return RedeliverResult(delivery=StuckDelivery(stuck=stuck, batch=batch_of(context, [stuck.delivery.license_id])))
