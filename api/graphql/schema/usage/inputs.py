"""The usage events of the mutation `recordUsage`."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON


@strawberry.input(description="A usage event: the fields of a CloudEvents 1.0 event and of its data.")
class UsageEventInput:
    id: str = strawberry.field(
        description="The id of the event, unique within its source. A retry keeps the id, so that the event counts "
        "once."
    )
    source: str = strawberry.field(description="The source of the event, for example `/mailer`.")
    type: str = strawberry.field(
        description="The type of the event, for example `interaction.sent` or `custom_tables.level`."
    )
    license: str = strawberry.field(description="The key of the license.")
    time: datetime | None = strawberry.field(default=None, description="The time of the usage. The default is now.")
    quantity: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="The amount of usage, for a counter only. It is never negative. Left out it is 1; null is refused. "
        "A Float holds 15 digits: send longer numbers to `POST /events`, which reads them exactly.",
    )
    value: float | None = strawberry.field(default=None, description="The current level, for a level only.")
    entity: str | None = strawberry.field(
        default=None, description="The entity that the usage is attributed to. The default is none."
    )
    dimensions: JSON | None = strawberry.field(
        default=None, description='The dimensions of the usage, for example `{"channel": "print"}`.'
    )


@strawberry.input(description="An event of the ledger, as its sender named it.")
class EventKeyInput:
    source: str = strawberry.field(description="The source of the event, for example `/mailer`.")
    id: str = strawberry.field(description="The id of the event.")


@strawberry.input(
    description="A correction of counted usage: either a signed quantity of an event type, or one event to cancel."
)
class AdjustUsageInput:
    id: str = strawberry.field(
        description="The id of the correction. A second correction with the same id changes nothing, so that a retry "
        "is safe, however late."
    )
    license: str = strawberry.field(description="The key of the license.")
    reason: str = strawberry.field(description="The reason, for people. It is stored with the name of the API key.")
    event: str | None = strawberry.field(
        default=None, description="The event type, for example `interaction.sent`. It is a counter."
    )
    quantity: float | None = strawberry.field(
        default=None,
        description="The amount that is added to what was counted, in the unit of the event type. A negative amount "
        "takes away. It is not 0.",
    )
    time: datetime | None = strawberry.field(
        default=None,
        description="The time of the usage that is corrected, of any age: the correction counts on its day. The "
        "default is now.",
    )
    entity: str | None = strawberry.field(
        default=None, description="The entity of the usage that is corrected. The default is none."
    )
    dimensions: JSON | None = strawberry.field(
        default=None, description='The dimensions of the usage that is corrected, for example `{"channel": "print"}`.'
    )
    cancels: EventKeyInput | None = strawberry.field(
        default=None,
        description="The event to cancel, as a whole, while the ledger holds it. Then all other fields but `id`, "
        "`license` and `reason` are left out.",
    )
