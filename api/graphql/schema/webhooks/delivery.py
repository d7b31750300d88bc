"""Deliveries to webhook endpoints and their attempts in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.enums import describe_enum
from core.delivery.outbox.tables import DeliveryStatus
from core.delivery.webhooks.log import Logged
from core.delivery.webhooks.tables import WebhookAttempt

describe_enum(
    DeliveryStatus,
    "What became of a delivery.",
    name="DeliveryStatus",
    PENDING="It is to be sent, or to be tried again.",
    SENT="It was taken.",
    PARKED="It was given up, until somebody sends it again.",
    DROPPED="Its endpoint was removed, disabled or gone.",
)


@strawberry.type(name="WebhookAttempt", description="A request that was made to an endpoint, and what came of it.")
class Attempt:
    row: strawberry.Private[WebhookAttempt]

    @strawberry.field(description="When it began.")
    def at(self) -> datetime:
        return self.row.at

    @strawberry.field(description="How long it took.")
    def milliseconds(self) -> int:
        return self.row.milliseconds

    @strawberry.field(description="The status code of the answer; null where there was none.")
    def status(self) -> int | None:
        return self.row.status

    @strawberry.field(description="How the body of the answer began; null where there was none.")
    def answer(self) -> str | None:
        return self.row.answer

    @strawberry.field(description="Why there was no answer, or where a redirect would have led.")
    def error(self) -> str | None:
        return self.row.error


@strawberry.type(name="WebhookDelivery", description="A message on its way to an endpoint.")
class Delivery:
    logged: strawberry.Private[Logged]

    @strawberry.field(description="What every attempt carries as `webhook-id`.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.logged.delivery.id)

    @strawberry.field(description="The kind of its message, as threshold.crossed.")
    def kind(self) -> str:
        return self.logged.kind

    @strawberry.field(description="What became of it.")
    def status(self) -> DeliveryStatus:
        return DeliveryStatus(self.logged.delivery.status)

    @strawberry.field(description="What was said of it last; null before the first attempt.")
    def said(self) -> str | None:
        return self.logged.delivery.detail

    @strawberry.field(description="When it was told.")
    def created_at(self) -> datetime:
        return self.logged.delivery.created_at

    @strawberry.field(description="When it is tried next; null once it is over.")
    def due_at(self) -> datetime | None:
        return self.logged.delivery.due_at

    @strawberry.field(description="The attempts of the last 30 days, newest first, 30 at the most.")
    def attempts(self) -> list[Attempt]:
        return [Attempt(row=row) for row in self.logged.attempts]
