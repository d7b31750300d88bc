"""The inputs of the mutations of webhooks."""

from datetime import timedelta

import strawberry

from core.delivery.webhooks.sign import OVERLAP

HOUR = timedelta(hours=1)


@strawberry.input(description="A webhook endpoint to make or to change.")
class WebhookEndpointInput:
    license: str = strawberry.field(description="The license's key.")
    key: str = strawberry.field(description="Names it; letters, digits, '.', '_' and '-', 100 at most.")
    url: str = strawberry.field(description="Where to send, over https.")
    kinds: list[str] | None = strawberry.field(
        default=None, description="The kinds of messages that it wants, as threshold.crossed; left out, all."
    )
    enabled: bool = strawberry.field(default=True, description="Whether anything is sent there.")


@strawberry.input(description="Which webhook endpoint.")
class WebhookEndpointKeyInput:
    license: str = strawberry.field(description="The license's key.")
    key: str = strawberry.field(description="The endpoint's key.")


@strawberry.input(description="Which webhook endpoint is to have a new secret.")
class RotateWebhookSecretInput:
    license: str = strawberry.field(description="The license's key.")
    key: str = strawberry.field(description="The endpoint's key.")
    overlap_hours: int = strawberry.field(
        default=OVERLAP // HOUR, description="How long the old secret signs beside the new one; 0 ends it at once."
    )


@strawberry.input(description="Which delivery is to be sent once more.")
class RedeliverWebhookInput:
    license: str = strawberry.field(description="The license's key.")
    delivery: strawberry.ID = strawberry.field(description="The delivery's id, which it keeps.")
