"""Deliveries that many threads send."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.delivery.message_kinds import CROSSED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.claim import ClaimedDelivery
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome
from tests.core.delivery.outbox.steps import LATER, SENT, counts, deliveries
from tests.fixtures.engine import NOW, Engine


class Recording:
    """A channel that notes what it sends."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        self.sent.append(claimed.delivery.id)
        return SENT


def test_many_workers_send_each_delivery_once(engine: Engine) -> None:
    license_id = engine.license()
    recipients = [Recipient(license_id, "email", f"{number}", frozenset({CROSSED})) for number in range(60)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
    channel = Recording()

    def work(_: int) -> None:
        while send_due(engine.database, {"email": channel}):
            pass

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert sorted(channel.sent) == sorted(one.id for one in deliveries(engine))
    assert len(set(channel.sent)) == 60
    assert counts(engine) == {"sent": 60}


class Failing:
    def send(self, claimed: ClaimedDelivery) -> Outcome:
        return LATER


def test_threads_that_fail_at_the_same_recipients_at_once_all_record_their_outcomes(engine: Engine) -> None:
    ids = [engine.license(f"l{number}") for number in range(3)]
    recipients = [Recipient(one, "email", name, frozenset({CROSSED})) for one in ids for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(
            session, [OutboundMessage(one, CROSSED, NOW, AlertsContent()) for one in ids for _ in range(10)], recipients
        )

    def work(_: int) -> int:
        return sum(iter(lambda: send_due(engine.database, {"email": Failing()}), False))

    with ThreadPoolExecutor(6) as threads:
        sent = sum(threads.map(work, range(6)))
    found = deliveries(engine)
    assert sum(one.attempts for one in found) == sent
    tried = {(one.license_id, one.recipient) for one in found if one.attempts}
    assert len(tried) == 6
    assert sent < len(found)  # a recipient may be taken by several at once before the first has failed
    assert {(one.status, one.claim) for one in found} == {("PENDING", None)}


class Raising:
    def send(self, claimed: ClaimedDelivery) -> Outcome:
        raise ValueError("a secret of ours")


def test_a_channel_that_raises_is_retried_and_reveals_nothing_of_its_inside(enqueued: Engine) -> None:
    assert send_due(enqueued.database, {"email": Raising()})
    assert send_due(enqueued.database, {})
    assert not send_due(enqueued.database, {})
    assert sorted(one.detail or "" for one in deliveries(enqueued)) == [
        "It could not be sent: ValueError.",
        "No channel of this name is set up on this worker.",
    ]
    assert counts(enqueued) == {"failed": 2}


class Careful(Recording):
    """A channel that hands nothing over once the lease is over, as all channels do."""

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        claimed.require_lease()
        return super().send(claimed)


def test_a_delivery_whose_lease_is_over_before_it_is_sent_is_left_to_others(
    enqueued: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Careful()
    monkeypatch.setattr("core.delivery.outbox.dispatch.LEASE", timedelta())
    assert send_due(enqueued.database, {"email": channel})
    assert channel.sent == []
    monkeypatch.undo()
    while send_due(enqueued.database, {"email": channel}):
        pass
    assert counts(enqueued) == {"sent": 2}
    assert [one.attempts for one in deliveries(enqueued)] == [2, 1]
