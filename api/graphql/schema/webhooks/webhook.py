"""Webhook endpoints in GraphQL, with the log of what was sent to them, and managing them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from api.graphql.context import Context
from api.graphql.schema.common.cursors import PageInfo, cursor_time, decode_cursor, encode, page_info
from api.graphql.schema.common.enums import describe_enum
from api.graphql.schema.common.node import InputError, input_errors
from api.graphql.schema.common.scalars import page_size
from core.access.keys import WEBHOOK_READERS, Scope
from core.delivery.outbox.tables import DeliveryStatus
from core.delivery.webhooks import endpoints
from core.delivery.webhooks.log import Logged, list_deliveries
from core.delivery.webhooks.manual_delivery import redeliver_by_hand, send_test
from core.delivery.webhooks.sign import OVERLAP
from core.delivery.webhooks.tables import WebhookAttempt, WebhookEndpoint
from core.errors import BadInput, InvalidInput
from core.licenses.find import find_license, no_license
from core.licenses.tables import id_of

HOUR = timedelta(hours=1)

describe_enum(
    DeliveryStatus,
    "What became of a delivery.",
    name="DeliveryStatus",
    PENDING="It is to be sent, or to be tried again.",
    SENT="It was taken.",
    PARKED="It was given up, until somebody sends it again.",
    DROPPED="Its endpoint was removed, disabled or gone.",
)


class Endpoints:
    """The endpoints of a license that are shown together: their logs are read at once."""

    def __init__(self, context: Context, license_id: int, rows: Sequence[WebhookEndpoint]) -> None:
        self.rows = rows
        self._context = context
        self._license_id = license_id
        self._deliveries: dict[object, dict[str, list[Logged]]] = {}

    def deliveries(self, endpoint: str, most: int, after: tuple[datetime, str] | None) -> list[Logged]:
        """Deliveries to one of the endpoints, newest first; those to the others are read along."""
        asked = (most, after)
        if asked not in self._deliveries:
            ids = [row.id for row in self.rows]
            self._deliveries[asked] = list_deliveries(
                self._context.session, self._license_id, ids, most=most, after=after
            )
        return self._deliveries[asked].get(endpoint, [])


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


@strawberry.type(name="WebhookDeliveryEdge", description="A delivery and its place in the connection.")
class DeliveryEdge:
    cursor: str = strawberry.field(description="To go on after it.")
    node: Delivery = strawberry.field(description="The delivery.")


@strawberry.type(name="WebhookDeliveryConnection", description="Deliveries, newest first (Relay).")
class DeliveryConnection:
    edges: list[DeliveryEdge] = strawberry.field(description="The deliveries of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type(name="WebhookEndpoint", description="Where a platform listens for a license's messages.")
class Endpoint:
    row: strawberry.Private[WebhookEndpoint]
    page: strawberry.Private[Endpoints]

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
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on after.")] = None,
    ) -> DeliveryConnection:
        size = page_size(first, 20)
        place = None
        if after is not None:
            at, key = decode_cursor(after, "deliveries", str, str)
            place = (cursor_time(at), str(key))
        found = self.page.deliveries(self.row.id, size + 1, place)
        shown = found[:size]
        cursors = [encode("deliveries", one.delivery.created_at.isoformat(), one.delivery.id) for one in shown]
        return DeliveryConnection(
            edges=[
                DeliveryEdge(cursor=cursor, node=Delivery(logged=one))
                for cursor, one in zip(cursors, shown, strict=True)
            ],
            page_info=page_info(cursors, after, more=len(found) > size),
        )


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


@strawberry.type(description="What became of it: the endpoint, or what is wrong with the input.")
class PutWebhookEndpointResult:
    endpoint: Endpoint | None = strawberry.field(default=None, description="Null where anything is wrong.")
    secret: str | None = strawberry.field(
        default=None, description="Of a new endpoint, to verify signatures with. It is not shown again."
    )
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it: the new secret, or what is wrong with the input.")
class RotateWebhookSecretResult:
    endpoint: Endpoint | None = strawberry.field(default=None, description="Null where anything is wrong.")
    secret: str | None = strawberry.field(default=None, description="The new secret. It is not shown again.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it.")
class DeleteWebhookEndpointResult:
    deleted: bool = strawberry.field(default=False, description="False where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


@strawberry.type(description="What became of it: the delivery, or what is wrong with the input.")
class WebhookDeliveryResult:
    delivery: Delivery | None = strawberry.field(default=None, description="Null where anything is wrong.")
    errors: list[InputError] = strawberry.field(default_factory=list, description="Everything that is wrong.")


def webhook_endpoints(context: Context, license: str | None) -> list[Endpoint]:
    """The endpoints of a license, or of the key's own, if the caller may read them."""
    caller = context.caller
    caller.require(*WEBHOOK_READERS)
    key = license if license is not None else caller.license
    if key is None:
        raise BadInput("This key is for all licenses: name one with `license`.")
    caller.require(*WEBHOOK_READERS, license=key)
    row = find_license(context.session, key)
    if row is None:
        raise no_license(context.session, key)
    page = Endpoints(context, id_of(row), endpoints.list_endpoints(context.session, id_of(row)))
    return [Endpoint(row=one, page=page) for one in page.rows]


def put_webhook_endpoint(context: Context, given: WebhookEndpointInput) -> PutWebhookEndpointResult:
    context.caller.require(Scope.WEBHOOKS_WRITE, license=given.license)
    kinds = None if given.kinds is None else tuple(given.kinds)
    put = endpoints.EndpointInput(given.license, given.key, given.url, kinds, given.enabled)
    networks = context.runtime.settings.opened_networks
    try:
        with context.write() as session:
            row, secret = endpoints.put_endpoint(session, put, networks, context.now)
    except InvalidInput as invalid:
        return PutWebhookEndpointResult(errors=input_errors(invalid))
    return PutWebhookEndpointResult(endpoint=_alone(context, row), secret=secret)


def rotate_webhook_secret(context: Context, given: RotateWebhookSecretInput) -> RotateWebhookSecretResult:
    context.caller.require(Scope.WEBHOOKS_WRITE, license=given.license)
    overlap = given.overlap_hours * HOUR
    try:
        with context.write() as session:
            row, secret = endpoints.rotate_secret(session, given.license, given.key, context.now, overlap)
    except InvalidInput as invalid:
        return RotateWebhookSecretResult(errors=input_errors(invalid))
    return RotateWebhookSecretResult(endpoint=_alone(context, row), secret=secret)


def delete_webhook_endpoint(context: Context, given: WebhookEndpointKeyInput) -> DeleteWebhookEndpointResult:
    context.caller.require(Scope.WEBHOOKS_WRITE, license=given.license)
    try:
        with context.write() as session:
            endpoints.remove_endpoint(session, given.license, given.key)
    except InvalidInput as invalid:
        return DeleteWebhookEndpointResult(errors=input_errors(invalid))
    return DeleteWebhookEndpointResult(deleted=True)


def send_test_webhook(context: Context, given: WebhookEndpointKeyInput) -> WebhookDeliveryResult:
    context.caller.require(Scope.WEBHOOKS_WRITE, license=given.license)
    try:
        with context.write() as session:
            logged = send_test(session, given.license, given.key, context.now)
    except InvalidInput as invalid:
        return WebhookDeliveryResult(errors=input_errors(invalid))
    return WebhookDeliveryResult(delivery=Delivery(logged=logged))


def redeliver_webhook(context: Context, given: RedeliverWebhookInput) -> WebhookDeliveryResult:
    context.caller.require(Scope.WEBHOOKS_WRITE, license=given.license)
    try:
        with context.write() as session:
            logged = redeliver_by_hand(session, given.license, given.delivery, context.now)
    except InvalidInput as invalid:
        return WebhookDeliveryResult(errors=input_errors(invalid))
    return WebhookDeliveryResult(delivery=Delivery(logged=logged))


def _alone(context: Context, row: WebhookEndpoint) -> Endpoint:
    return Endpoint(row=row, page=Endpoints(context, row.license_id, [row]))
