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
