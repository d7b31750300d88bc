"""Recording usage over GraphQL; over HTTP see :mod:`api.endpoints.events`."""

from typing import Annotated

import strawberry

from api.graphql.schema.common.node import Info
from api.graphql.schema.usage.inputs import UsageEventInput
from core.usage.events import RejectedEvent as Rejected
from core.usage.ingest import ingest
from core.usage.record import Recorded


@strawberry.type(description="An event that was not taken.")
class RejectedEvent:
    index: int = strawberry.field(description="Its place among the events sent, from 0.")
    id: str | None = strawberry.field(description="Its id; null where it had none that could be read.")
    code: str = strawberry.field(description="A stable code, as TOO_OLD.")
    message: str = strawberry.field(description="What is wrong and what to do.")


@strawberry.type(description="What became of the events: each was accepted, a duplicate, or rejected.")
class RecordUsageResult:
    accepted: int = strawberry.field(description="Events that were recorded now, for good.")
    duplicates: int = strawberry.field(description="Events that had been recorded before.")
    rejected: list[RejectedEvent] = strawberry.field(description="Events that were not taken, by index.")


@strawberry.mutation(description="Record usage events; what is acknowledged is committed, each event once.")
def record_usage(
    info: Info, events: Annotated[list[UsageEventInput], strawberry.argument(description="The events.")]
) -> RecordUsageResult:
    context = info.context
    raws = [
        {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "license": event.license,
            "time": event.time,
            "quantity": event.quantity,
            "value": event.value,
            "entity": event.entity,
            "dimensions": event.dimensions,
        }
        for event in events
    ]
    context.close()
    runtime = context.runtime
    underway = ingest(
        context.caller,
        raws,
        context.now,
        registry=runtime.registry,
        settings=runtime.settings,
        committer=runtime.committer,
    )
    return _as_result(underway.wait())


def _as_result(recorded: Recorded) -> RecordUsageResult:
    return RecordUsageResult(
        accepted=recorded.accepted,
        duplicates=recorded.duplicates,
        rejected=[_rejected(one) for one in recorded.rejected],
    )


def _rejected(one: Rejected) -> RejectedEvent:
    return RejectedEvent(index=one.index, id=one.id, code=one.code, message=one.message)
