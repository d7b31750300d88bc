"""Sending while the database goes away and comes back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.delivery.message_kinds import CROSSED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.claim import ClaimedDelivery
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from core.licenses.tables import id_of
from tests.e2e.gate import Gate, gate_before


@pytest.fixture
def gated(new_postgresql: Callable[[], AbstractContextManager[str]]) -> Iterator[tuple[Gate, Database]]:
    """A database behind a gate, with one delivery that is due."""
    with new_postgresql() as direct, gate_before(direct) as (gate, url), closing(Database(url)) as database:
        gate.open()
        now = datetime.now(UTC)
        with database.write() as session:
            license_id = id_of(put_license(session, LicenseInput("acme", "Acme", "UTC"), now))
            address = Recipient(license_id, "email", "ann", frozenset({CROSSED}))
            enqueue(session, [OutboundMessage(license_id, CROSSED, now, AlertsContent())], [address])
        yield gate, database


class Cutting:
    """A channel that loses the database right after it has sent; for so many seconds."""

    def __init__(self, gate: Gate, seconds: float) -> None:
        self.gate, self.seconds = gate, seconds
        self.sent: list[str] = []
        self.recorded = 0

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        self.sent.append(claimed.delivery.id)
        self.gate.close()
        threading.Timer(self.seconds, self.gate.open).start()
        return Outcome(DeliveryStatus.SENT, "250 OK", on_record=self._count)

    def _count(self, session: object) -> None:
        self.recorded += 1


@pytest.mark.needs("postgres")
def test_an_outcome_is_recorded_once_the_database_is_back_and_the_delivery_is_not_sent_again(
    gated: tuple[Gate, Database],
) -> None:
    gate, database = gated
    channel = Cutting(gate, 1.5)
    assert send_due(database, {"email": channel})
    assert not send_due(database, {"email": channel})
    with database.read() as session:
        [delivery] = session.exec(select(Delivery))
    assert channel.sent == [delivery.id]
    assert channel.recorded == 1
    assert (delivery.status, delivery.attempts, delivery.claim) == ("SENT", 1, None)
