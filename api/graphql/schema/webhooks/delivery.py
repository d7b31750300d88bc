"""Deliveries to webhook endpoints and their attempts in the schema."""

from datetime import datetime

import strawberry

from api.graphql.schema.common.delivery_status import DeliveryStatus
from core.delivery.webhooks.log import LoggedDelivery
from core.delivery.webhooks.tables import WebhookAttempt


@strawberry.type(name="WebhookAttempt", description="An attempt to deliver a message to an endpoint.")
class Attempt:
    row: strawberry.Private[WebhookAttempt]

    @strawberry.field(description="The time at which the attempt began.")
    def at(self) -> datetime:
        return self.row.at

    @strawberry.field(description="The duration of the attempt in milliseconds.")
    def milliseconds(self) -> int:
        return self.row.milliseconds

    @strawberry.field(description="The HTTP status code of the answer. Null if there was no answer.")
    def status(self) -> int | None:
        return self.row.status

    @strawberry.field(description="The first 1,000 bytes of the answer's body. Null if there was no answer.")
    def answer(self) -> str | None:
        return self.row.answer

    @strawberry.field(
        description="The reason why there was no answer, or the target of a redirect that was not followed. Null "
        "otherwise."
    )
    def error(self) -> str | None:
        return self.row.error


@strawberry.type(name="WebhookDelivery", description="The delivery of a message to an endpoint.")
class Delivery:
    logged: strawberry.Private[LoggedDelivery]

    @strawberry.field(description="The id of the delivery. Every attempt carries it in the header `webhook-id`.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.logged.delivery.id)

    @strawberry.field(description="The kind of the message, for example `threshold.crossed`.")
    def kind(self) -> str:
        return self.logged.kind

    @strawberry.field(description="The state of the delivery.")
    def status(self) -> DeliveryStatus:
        return DeliveryStatus(self.logged.delivery.status)

    @strawberry.field(
        description='The outcome of the last attempt, for example "It answered 200 OK." Null before the first attempt.'
    )
    def detail(self) -> str | None:
        return self.logged.delivery.detail

    @strawberry.field(
        description="The outcome of the last attempt. Null before the first attempt.",
        deprecation_reason="Use `detail`, which has the same value. This field may be removed from 2028-01-01.",
    )
    def said(self) -> str | None:
        return self.logged.delivery.detail

    @strawberry.field(description="The time at which the message was created.")
    def created_at(self) -> datetime:
        return self.logged.delivery.created_at

    @strawberry.field(description="The time of the next attempt. Null if no attempt follows.")
    def due_at(self) -> datetime | None:
        return self.logged.delivery.due_at

    @strawberry.field(description="The attempts of the last 30 days, newest first, at most 30.")
    def attempts(self) -> list[Attempt]:
        return [Attempt(row=row) for row in self.logged.attempts]
