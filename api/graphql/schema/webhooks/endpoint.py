"""Webhook endpoints in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After
from api.graphql.schema.webhooks.connections import DeliveryConnection, delivery_connection
from api.graphql.schema.webhooks.endpoint_batch import EndpointBatch
from core.delivery.webhooks.tables import WebhookEndpoint


@strawberry.type(name="WebhookEndpoint", description="Where a platform listens for a license's messages.")
class Endpoint:
    row: strawberry.Private[WebhookEndpoint]
    batch: strawberry.Private[EndpointBatch]

    @strawberry.field(description="Names it within its license.")
    def key(self) -> str:
        return self.row.key

    @strawberry.field(description="Where messages are sent.")
    def url(self) -> str:
        return self.row.url

    @strawberry.field(description="The kinds of messages that it wants, as threshold.crossed; null for all.")
    def kinds(self) -> list[str] | None:
        return self.row.kinds

    @strawberry.field(description="Whether anything is sent there.")
    def enabled(self) -> bool:
        return self.row.enabled

    @strawberry.field(description="Why it was disabled, where nobody asked for it.")
    def disabled_because(self) -> str | None:
        return self.row.disabled_because

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field(description="What was sent there, newest first, with every attempt.")
    def deliveries(
        self,
        first: Annotated[int | None, strawberry.argument(description="Deliveries at the most, up to 100.")] = 20,
        after: After = None,
    ) -> DeliveryConnection:
        return delivery_connection(self.batch, self.row.id, first, after)
