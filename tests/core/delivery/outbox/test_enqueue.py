"""Messages that are enqueued for their recipients."""

from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from tests.core.delivery.outbox.steps import deliveries
from tests.fixtures.engine import NOW, Engine


def test_each_recipient_who_wants_a_kind_gets_a_delivery_of_the_one_message(enqueued: Engine) -> None:
    ann, bob = deliveries(enqueued)
    assert (ann.recipient, bob.recipient) == ("ann", "bob")
    assert ann.message_id == bob.message_id
    assert (ann.status, ann.attempts, ann.due_at, ann.created_at) == ("PENDING", 0, NOW, NOW)
    address = Recipient(ann.license_id, "email", "ann", frozenset({CROSSED}))
    with enqueued.database.write() as session:
        enqueue(session, [OutboundMessage(ann.license_id, RECOVERED, NOW, AlertsContent())], [address])
    assert len(deliveries(enqueued)) == 2
