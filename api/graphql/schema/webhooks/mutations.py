"""The mutations of webhooks."""

from typing import Annotated

import strawberry

from api.graphql.context import Context
from api.graphql.schema.common.arguments import stated
from api.graphql.schema.common.node import Info
from api.graphql.schema.common.results import InputError, errors_field, reports_errors
from api.graphql.schema.webhooks.delivery import Delivery
from api.graphql.schema.webhooks.endpoint import Endpoint
from api.graphql.schema.webhooks.endpoint_batch import EndpointBatch
from api.graphql.schema.webhooks.inputs import (
    HOUR,
    RedeliverWebhookInput,
    RotateWebhookSecretInput,
    WebhookEndpointInput,
    WebhookEndpointKeyInput,
)
from core.access.keys import Scope
from core.database.leases import claim_time
from core.delivery.webhooks import endpoints
from core.delivery.webhooks.manual_delivery import redeliver_by_hand, send_test
from core.delivery.webhooks.tables import WebhookEndpoint


@strawberry.type(description="The result of `putWebhookEndpoint`.")
class PutWebhookEndpointResult:
    endpoint: Endpoint | None = strawberry.field(default=None, description="The endpoint. Null if there are errors.")
    secret: str | None = strawberry.field(
        default=None,
        description="The secret of a new endpoint, which verifies signatures. It is shown only once. Null for an "
        "endpoint that already existed, and if there are errors.",
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `rotateWebhookSecret`.")
class RotateWebhookSecretResult:
    endpoint: Endpoint | None = strawberry.field(default=None, description="The endpoint. Null if there are errors.")
    secret: str | None = strawberry.field(
        default=None, description="The new secret. It is shown only once. Null if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `deleteWebhookEndpoint`.")
class DeleteWebhookEndpointResult:
    deleted: bool = strawberry.field(
        default=False, description="True if the endpoint was removed, false if there are errors."
    )
    errors: list[InputError] = errors_field()


@strawberry.type(description="The result of `sendTestWebhook` and `redeliverWebhook`.")
class WebhookDeliveryResult:
    delivery: Delivery | None = strawberry.field(default=None, description="The delivery. Null if there are errors.")
    errors: list[InputError] = errors_field()


@strawberry.mutation(description="Create a webhook endpoint, or change it.")
@reports_errors(PutWebhookEndpointResult)
def put_webhook_endpoint(
    info: Info, input: Annotated[WebhookEndpointInput, strawberry.argument(description="The endpoint.")]
) -> PutWebhookEndpointResult:
    context = info.context
    context.caller.require(Scope.WEBHOOKS_WRITE, license=input.license)
    endpoint = endpoints.EndpointInput(
        input.license, input.key, stated(input.url), stated(input.kinds), stated(input.enabled)
    )
    networks = context.services.settings.opened_networks
    with context.write() as session:
        row, secret = endpoints.put_endpoint(session, endpoint, networks, context.now)
    return PutWebhookEndpointResult(endpoint=_single_endpoint(context, row), secret=secret)


@strawberry.mutation(
    description="Give a webhook endpoint a new secret. The old secret signs as well for `overlapHours`."
)
@reports_errors(RotateWebhookSecretResult)
def rotate_webhook_secret(
    info: Info, input: Annotated[RotateWebhookSecretInput, strawberry.argument(description="The endpoint.")]
) -> RotateWebhookSecretResult:
    context = info.context
    context.caller.require(Scope.WEBHOOKS_WRITE, license=input.license)
    overlap = input.overlap_hours * HOUR
    with context.write() as session:
        row, secret = endpoints.rotate_secret(session, input.license, input.key, context.now, overlap)
    return RotateWebhookSecretResult(endpoint=_single_endpoint(context, row), secret=secret)


@strawberry.mutation(description="Remove a webhook endpoint. Its pending deliveries are dropped.")
@reports_errors(DeleteWebhookEndpointResult)
def delete_webhook_endpoint(
    info: Info, input: Annotated[WebhookEndpointKeyInput, strawberry.argument(description="The endpoint.")]
) -> DeleteWebhookEndpointResult:
    context = info.context
    context.caller.require(Scope.WEBHOOKS_WRITE, license=input.license)
    with context.write() as session:
        endpoints.remove_endpoint(session, input.license, input.key)
    return DeleteWebhookEndpointResult(deleted=True)


@strawberry.mutation(description="Send a message of the kind `webhook.test` to one webhook endpoint.")
@reports_errors(WebhookDeliveryResult)
def send_test_webhook(
    info: Info, input: Annotated[WebhookEndpointKeyInput, strawberry.argument(description="The endpoint.")]
) -> WebhookDeliveryResult:
    context = info.context
    context.caller.require(Scope.WEBHOOKS_WRITE, license=input.license)
    with context.write() as session:
        logged = send_test(session, input.license, input.key, claim_time(session))
    return WebhookDeliveryResult(delivery=Delivery(logged=logged))


@strawberry.mutation(description="Send a delivery again under the same id, whatever its state.")
@reports_errors(WebhookDeliveryResult)
def redeliver_webhook(
    info: Info, input: Annotated[RedeliverWebhookInput, strawberry.argument(description="The delivery.")]
) -> WebhookDeliveryResult:
    context = info.context
    context.caller.require(Scope.WEBHOOKS_WRITE, license=input.license)
    with context.write() as session:
        logged = redeliver_by_hand(session, input.license, input.delivery, claim_time(session))
    return WebhookDeliveryResult(delivery=Delivery(logged=logged))


def _single_endpoint(context: Context, row: WebhookEndpoint) -> Endpoint:
    return Endpoint(row=row, batch=EndpointBatch(context, row.license_id, [row]))
