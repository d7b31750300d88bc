"""The mutations that record usage events and correct usage. The endpoint over HTTP is :mod:`api.endpoints.events`."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.common.scalars import decimal
from api.graphql.schema.usage.inputs import AdjustUsageInput, UsageEventInput
from core.access.keys import Scope
from core.administration.correct_usage import correct_usage
from core.administration.inputs import CorrectionInput
from core.usage.ingest import ingest
from core.usage.record_result import RecordResult


@strawberry.type(description="An event that was rejected.")
class RejectedEvent:
    index: int = strawberry.field(description="The position of the event in the request, from 0.")
    id: str | None = strawberry.field(description="The id of the event. Null if the event has no readable id.")
    code: str = strawberry.field(description="The stable code of the error, for example `TOO_OLD`.")
    message: str = strawberry.field(description="A message for people: the error and how to mend it.")


@strawberry.type(
    description="The result of `recordUsage`. Each event was accepted, recognized as a duplicate, or rejected."
)
class RecordUsageResult:
    accepted: int = strawberry.field(description="The number of events that were recorded now. They are committed.")
    duplicates: int = strawberry.field(description="The number of events that were already recorded before.")
    rejected: list[RejectedEvent] = strawberry.field(
        description="The events that were rejected, in the order of the request."
    )


@strawberry.mutation(description="Record usage events. Acknowledged events are committed, and each event counts once.")
def record_usage(
    info: Info, events: Annotated[list[UsageEventInput], strawberry.argument(description="The events.")]
) -> RecordUsageResult:
    context = info.context
    raw_events = [
        {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "license": event.license,
            "time": event.time,
            **({} if event.quantity is strawberry.UNSET else {"quantity": event.quantity}),
            "value": event.value,
            "entity": event.entity,
            "dimensions": event.dimensions,
        }
        for event in events
    ]
    context.close()
    services = context.services
    ingestion = ingest(
        context.caller,
        raw_events,
        context.now,
        registry=services.registry,
        settings=services.settings,
        committer=services.committer,
    )
    return _as_result(ingestion.wait())


def _as_result(recorded: RecordResult) -> RecordUsageResult:
    return RecordUsageResult(
        accepted=recorded.accepted,
        duplicates=recorded.duplicates,
        rejected=[
            RejectedEvent(index=event.index, id=event.id, code=event.code, message=event.message)
            for event in recorded.rejected
        ],
    )


@strawberry.type(description="The result of `adjustUsage`.")
class AdjustUsageResult:
    adjusted: bool = strawberry.field(
        default=False,
        description="Whether usage is corrected, now or by an earlier call with this id. False if there are errors.",
    )
    errors: list[InputError] = errors_field()


@strawberry.mutation(
    description="Correct counted usage: add a signed quantity to an event type, or cancel one event. The same "
    "correction again changes nothing. Readings, history and alerts follow at the next refresh."
)
@reports_errors(AdjustUsageResult)
def adjust_usage(
    info: Info, input: Annotated[AdjustUsageInput, strawberry.argument(description="The correction.")]
) -> AdjustUsageResult:
    context = info.context
    context.caller.require(Scope.CONTRACT_WRITE, license=input.license)
    correction = CorrectionInput(
        id=input.id,
        license=input.license,
        reason=input.reason,
        event=input.event,
        quantity=None if input.quantity is None else decimal(input.quantity),
        time=input.time,
        entity=input.entity,
        dimensions=input.dimensions,
        cancels=None if input.cancels is None else (input.cancels.source, input.cancels.id),
    )
    services = context.services
    with context.write() as session:
        correct_usage(session, correction, services.registry, services.settings, context.caller.name, context.now)
    services.announcer.announce()
    return AdjustUsageResult(adjusted=True)
