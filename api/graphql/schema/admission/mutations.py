"""The mutation that checks in an installation. The endpoint over HTTP is :mod:`api.endpoints.check_in`."""

from typing import Annotated

import strawberry

from api.graphql.schema.admission.check_in import CheckIn, CheckInInput
from api.graphql.schema.common.node import Info


@strawberry.mutation(
    description="Check in an installation against a hard quota. The answer is committed when it arrives."
)
def check_in(
    info: Info, input: Annotated[CheckInInput, strawberry.argument(description="The installation that checks in.")]
) -> CheckIn:
    context = info.context
    admitter = context.services.admitter
    fields = {"license": input.license, "installation": input.installation, "meter": input.meter}
    question = admitter.quota_meters.check(context.caller, fields)
    context.close()
    return CheckIn(record=admitter.check_in(question))
