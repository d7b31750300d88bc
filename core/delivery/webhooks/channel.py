"""Webhooks as a channel of the outbox. Each endpoint of a license gets a signed request of its own."""

import logging
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import Final

import orjson
from sqlmodel import Session, col, select, update

from core.database.dialect import insert_into
from core.database.engine import Database
from core.delivery.outbox.claim import ClaimedDelivery
from core.delivery.outbox.outcome import Outcome
from core.delivery.outbox.tables import DeliveryStatus, Message
from core.delivery.webhooks.send import EndpointResponse, NotAnswered, post, printable
from core.delivery.webhooks.sign import signature_headers
from core.delivery.webhooks.tables import WebhookAttempt, WebhookEndpoint
from core.licenses.tables import License
from core.settings import Settings
from core.text import shown

logger = logging.getLogger(__name__)

_HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "Allowance-Webhooks",
    "Accept-Encoding": "identity",
}
_NOBODY: Final = Outcome(DeliveryStatus.DROPPED, "The endpoint was removed.")
_DISABLED: Final = Outcome(DeliveryStatus.DROPPED, "The endpoint is disabled.")
_GONE: Final = "It answered 410 Gone."


class WebhookChannel:
    """The webhook channel, which logs every attempt."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Prepare the channel. Each request opens a connection of its own."""
        self._database = database
        self._networks = settings.opened_networks
        self._tls = ssl.create_default_context()

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        """Send a signed request to an endpoint."""
        delivery = claimed.delivery
        with self._database.read() as session:
            endpoint = session.get(WebhookEndpoint, (delivery.license_id, delivery.recipient))
            license = session.exec(select(License.key).where(License.id == delivery.license_id)).one()
        if endpoint is None:
            return _NOBODY
        if not endpoint.enabled:
            return _DISABLED
        now, body = datetime.now(UTC), body_of(claimed.message, license)
        headers = _HEADERS | signature_headers(delivery.id, body, endpoint.secrets, now)
        started = monotonic()
        claimed.require_lease()
        response, error = self._post(endpoint.url, headers, body)
        attempt = {
            "license_id": delivery.license_id,
            "id": uuid.uuid4().hex,
            "delivery_id": delivery.id,
            "at": now,
            "milliseconds": round((monotonic() - started) * 1000),
            "status": response.status if response else None,
            "answer": response.text if response else None,
            "error": _redirected(response) if response else error,
        }

        def record_attempt(session: Session) -> None:
            session.execute(insert_into(session, WebhookAttempt).values(attempt).on_conflict_do_nothing())
            if response and response.status == HTTPStatus.GONE:
                _disable(session, endpoint)

        outcome = _outcome(response, now) if response else Outcome(None, error)
        return replace(outcome, on_record=record_attempt)

    def _post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[EndpointResponse | None, str]:
        """Return the response, or None and why there was none."""
        try:
            return post(url, headers, body.encode(), self._networks, self._tls), ""
        except NotAnswered as error:
            return None, str(error)


def body_of(message: Message, license: str) -> str:
    """Return the body of a request: the stored document, with its license. Numbers are texts, so that all are exact."""
    data = {"license": license, **message.document}
    return orjson.dumps({"type": message.kind, "timestamp": message.occurred_at.isoformat(), "data": data}).decode()


def _disable(session: Session, endpoint: WebhookEndpoint) -> None:
    """Disable an endpoint that answered 410 Gone, unless its URL has changed since."""
    session.execute(
        update(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.license_id) == endpoint.license_id,
            col(WebhookEndpoint.id) == endpoint.id,
            col(WebhookEndpoint.url) == endpoint.url,
        )
        .values(enabled=False, disabled_because=_GONE)
    )
    logger.warning("the webhook endpoint %s of license %s answered 410 Gone", endpoint.id, endpoint.license_id)


def _outcome(response: EndpointResponse, now: datetime) -> Outcome:
    """Return the outcome of a request as Standard Webhooks defines it: 2xx is success, 410 the end of an endpoint."""
    detail = f"It answered {_phrase(response.status)}."
    if 200 <= response.status < 300:
        return Outcome(DeliveryStatus.SENT, detail)
    if response.status == HTTPStatus.GONE:
        return Outcome(DeliveryStatus.DROPPED, f"{_GONE} The endpoint was disabled.")
    return Outcome(None, _redirected(response) or detail, _retry_after(response, now))


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirected(response: EndpointResponse) -> str | None:
    if not 300 <= response.status < 400:
        return None
    location = printable(response.headers.get("location", ""))
    return f"It answered {_phrase(response.status)} to {shown(location)}; redirects are not followed."


def _retry_after(response: EndpointResponse, now: datetime) -> timedelta | None:
    """Return how long the endpoint asks to wait, or None. RFC 9110, section 10.2.3: seconds, or a date."""
    text = response.headers.get("retry-after", "").strip()
    if response.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) or not text:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:10]), 10**9))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # OverflowError for a year of many digits
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())
