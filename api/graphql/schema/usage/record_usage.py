"""Recording usage over GraphQL; over HTTP see :mod:`api.events`."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from api.graphql.context import Context
from core.usage.events import RejectedEvent as Rejected
from core.usage.ingest import ingest
from core.usage.record import Recorded


@strawberry.input(description="A usage event: a CloudEvents 1.0 event, flat.")
class UsageEventInput:
    id: str = strawberry.field(description="Unique within the source; a retry keeps it.")
    source: str = strawberry.field(description="Who sends it, as /mailer.")
    type: str = strawberry.field(description="As interaction.sent, or custom_tables.level.")
    license: str = strawberry.field(description="The license's key.")
    time: datetime | None = strawberry.field(default=None, description="When it happened; left out, now.")
    quantity: float | None = strawberry.field(
        default=None, description="Of a counter, how much: 1 if left out, never negative."
    )
    value: float | None = strawberry.field(default=None, description="Of a level, where it stands.")
    entity: str | None = strawberry.field(default=None, description="The entity that used it; left out, none.")
    dimensions: JSON | None = strawberry.field(default=None, description='As {"channel": "print"}.')


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


def record_usage(context: Context, events: list[UsageEventInput]) -> RecordUsageResult:
    """Record the events; committed when this returns."""
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
    return as_result(underway.wait())


def as_result(recorded: Recorded) -> RecordUsageResult:
    return RecordUsageResult(
        accepted=recorded.accepted,
        duplicates=recorded.duplicates,
        rejected=[_rejected(one) for one in recorded.rejected],
    )


def _rejected(one: Rejected) -> RejectedEvent:
    return RejectedEvent(index=one.index, id=one.id, code=one.code, message=one.message)
