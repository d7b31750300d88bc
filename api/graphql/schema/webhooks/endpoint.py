"""Webhook endpoints in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.schema.common.arguments import After
from api.graphql.schema.webhooks.connections import DeliveryConnection, delivery_connection
from api.graphql.schema.webhooks.endpoint_batch import EndpointBatch
from core.delivery.webhooks.tables import WebhookEndpoint


@strawberry.type(
    name="WebhookEndpoint",
    description="A webhook endpoint: a URL of a platform that receives the messages of a license.",
)
class Endpoint:
    row: strawberry.Private[WebhookEndpoint]
    batch: strawberry.Private[EndpointBatch]

    @strawberry.field(description="The key of the endpoint, unique within the license.")
    def key(self) -> str:
        return self.row.key

    @strawberry.field(description="The URL that messages are sent to.")
    def url(self) -> str:
        return self.row.url

    @strawberry.field(
        description="The kinds of messages that are sent, for example `threshold.crossed`. Null stands for all kinds."
    )
    def kinds(self) -> list[str] | None:
        return self.row.kinds

    @strawberry.field(description="True if messages are sent to the endpoint.")
    def enabled(self) -> bool:
        return self.row.enabled

    @strawberry.field(description="The reason why the endpoint was disabled automatically. Null otherwise.")
    def disabled_because(self) -> str | None:
        return self.row.disabled_because

    @strawberry.field(description="The time at which the endpoint was created.")
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field(description="The deliveries to the endpoint with their attempts, newest first.")
    def deliveries(
        self,
        first: Annotated[
            int | None, strawberry.argument(description="The maximum number of deliveries, from 1 to 100.")
        ] = 20,
        after: After = None,
    ) -> DeliveryConnection:
        return delivery_connection(self.batch, self.row.id, first, after)
