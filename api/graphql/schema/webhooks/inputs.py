"""The inputs of the mutations of webhooks."""

from datetime import timedelta
from typing import Final

import strawberry

from core.delivery.webhooks.sign import OVERLAP

HOUR: Final = timedelta(hours=1)


@strawberry.input(
    description="A webhook endpoint to create or to change. A field that is left out keeps its value. Null "
    "clears a field."
)
class WebhookEndpointInput:
    license: str = strawberry.field(description="The key of the license.")
    key: str = strawberry.field(
        description="The key of the endpoint. It has at most 100 letters, digits, '.', '_' and '-'."
    )
    url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The URL to send messages to, over HTTPS. A new endpoint needs a URL. A URL cannot be null.",
    )
    kinds: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The kinds of messages to send, for example `threshold.crossed`. All kinds for a new endpoint, and "
        "if null.",
    )
    enabled: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True to send messages to the endpoint. True for a new endpoint, and if null.",
    )


@strawberry.input(description="A webhook endpoint, named by its keys.")
class WebhookEndpointKeyInput:
    license: str = strawberry.field(description="The key of the license.")
    key: str = strawberry.field(description="The key of the endpoint.")


@strawberry.input(description="A webhook endpoint that gets a new secret.")
class RotateWebhookSecretInput:
    license: str = strawberry.field(description="The key of the license.")
    key: str = strawberry.field(description="The key of the endpoint.")
    overlap_hours: int = strawberry.field(
        default=OVERLAP // HOUR,
        description="The number of hours during which the old secret signs as well. 0 ends the old secret at once.",
    )


@strawberry.input(description="A delivery to send again.")
class RedeliverWebhookInput:
    license: str = strawberry.field(description="The key of the license.")
    delivery: strawberry.ID = strawberry.field(description="The id of the delivery. The delivery keeps this id.")
