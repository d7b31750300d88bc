"""A license with endpoints at real servers, and what is sent to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import col, select

from core.addresses.public_network import networks_of
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.tables import Delivery
from core.delivery.webhooks.channel import WebhookChannel
from core.delivery.webhooks.endpoints import EndpointInput, find_endpoint, put_endpoint
from core.delivery.webhooks.tables import WebhookAttempt, WebhookEndpoint
from core.settings import Settings
from tests.fixtures.engine import NOW, Engine, usage_event

NETWORKS = "127.0.0.0/8"


@dataclass(frozen=True)
class Hooks:
    """The engine with the channel of webhooks, which may go to this machine."""

    engine: Engine
    channel: WebhookChannel

    def put(self, url: str, key: str = "platform", license: str = "acme", **fields: Any) -> str:
        """Make or change an endpoint; its secret, where it is new."""
        with self.engine.database.write() as session:
            given = EndpointInput(license, key, url, **fields)
            return put_endpoint(session, given, networks_of(NETWORKS), NOW)[1] or ""

    def deliver(self) -> int:
        """Send everything that is due; how many there were."""
        number = 0
        while send_due(self.engine.database, {"webhook": self.channel}):
            number += 1
        return number

    def endpoint(self, key: str = "platform", license: str = "acme") -> WebhookEndpoint:
        with self.engine.database.read() as session:
            return find_endpoint(session, self.engine.id(license), key)

    def deliveries(self, license: str = "acme") -> Sequence[Delivery]:
        """To endpoints, the oldest first."""
        with self.engine.database.read() as session:
            found = select(Delivery).where(
                Delivery.license_id == self.engine.id(license), col(Delivery.channel) == "webhook"
            )
            return session.exec(found.order_by(col(Delivery.created_at), col(Delivery.recipient))).all()

    def attempts(self) -> Sequence[WebhookAttempt]:
        """All that were made, the oldest first."""
        with self.engine.database.read() as session:
            return session.exec(select(WebhookAttempt).order_by(col(WebhookAttempt.at))).all()

    def forms(self, value: int, now: datetime = NOW, license: str = "acme") -> None:
        """Let the forms of a license stand at a number, and refresh it."""
        self.engine.send(usage_event("forms.level", license, now, value=value), now=now)
        self.engine.refresh(license, now=now)


@pytest.fixture
def hooks(engine: Engine) -> Hooks:
    engine.license(terms={"forms": 5})
    return Hooks(engine, WebhookChannel(Settings(webhook_networks=NETWORKS), engine.database))
