"""The usage events of the mutation `recordUsage`."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON


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
