"""Stuck deliveries in the schema."""

from datetime import datetime

import strawberry

from api.graphql.license_batch import LicenseBatch
from api.graphql.schema.common.delivery_status import DeliveryStatus
from api.graphql.schema.common.lazy_license import LazyLicense, lazy_license
from core.delivery.stuck import NamedDelivery


@strawberry.type(description="A delivery of a message that is stuck: it was given up, or it failed and is tried again.")
class StuckDelivery:
    stuck: strawberry.Private[NamedDelivery]
    batch: strawberry.Private[LicenseBatch]

    @strawberry.field(description="The id of the delivery, the same for every attempt.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.stuck.delivery.id)

    @strawberry.field(description="The license that the message is about.")
    def license(self) -> LazyLicense:
        return lazy_license(self.batch, self.stuck.delivery.license_id)

    @strawberry.field(description="The kind of the message, for example `threshold.crossed`.")
    def kind(self) -> str:
        return self.stuck.kind

    @strawberry.field(description="The channel: `email`, `webhook` or `notifier`.")
    def channel(self) -> str:
        return self.stuck.delivery.channel

    @strawberry.field(
        description="The recipient: an e-mail address, the key of a webhook endpoint, or the key of a notifier."
    )
    def recipient(self) -> str:
        return self.stuck.recipient

    @strawberry.field(
        description="The state of the delivery: PARKED if it was given up, PENDING if it is tried again. SENT or "
        "DROPPED if it is not stuck any more."
    )
    def status(self) -> DeliveryStatus:
        return DeliveryStatus(self.stuck.delivery.status)

    @strawberry.field(description="The number of attempts.")
    def attempts(self) -> int:
        return self.stuck.delivery.attempts

    @strawberry.field(description="The outcome of the last attempt, in words. Null if there is none.")
    def detail(self) -> str | None:
        return self.stuck.delivery.detail

    @strawberry.field(description="The time at which the message was created.")
    def created_at(self) -> datetime:
        return self.stuck.delivery.created_at

    @strawberry.field(description="The time of the next attempt. Null if no attempt follows.")
    def due_at(self) -> datetime | None:
        return self.stuck.delivery.due_at
