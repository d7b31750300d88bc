"""A license with two deliveries."""

import pytest

from core.delivery.message_kinds import CROSSED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from tests.fixtures.engine import NOW, Engine


@pytest.fixture
def enqueued(engine: Engine) -> Engine:
    """One message to two recipients."""
    license_id = engine.license()
    recipients = [Recipient(license_id, "email", name, frozenset({CROSSED})) for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
    return engine
