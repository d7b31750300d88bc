"""Outcomes: deliveries that are sent, tried again after longer and longer delays, parked, and sent again by hand."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome
from core.delivery.outbox.pause import LONGEST_PAUSE
from core.delivery.outbox.redeliver import MOST_KEPT, redeliver
from core.delivery.outbox.retries import LONGEST_DELAY, MOST_ATTEMPTS, retry_delay
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from tests.core.delivery.outbox.steps import DAY, LATER, LEASE, SENT, claim_one, counts, deliveries, record
from tests.fixtures.engine import NOW, Engine
from tests.forms import examples


def test_a_failing_delivery_is_retried_then_parked_and_can_be_redelivered(enqueued: Engine) -> None:
    record(enqueued, claim_one(enqueued), SENT)
    now, waits = NOW, []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = claim_one(enqueued, now)
        assert claimed
        assert claimed.delivery.attempts == attempt
        record(enqueued, claimed, LATER, now)
        [left] = [one for one in deliveries(enqueued) if one.status != "SENT"]
        if left.due_at:
            waits.append(left.due_at - now)
            now = left.due_at
    assert (left.status, left.due_at, left.detail, left.finished_at) == ("PARKED", None, "450 try later", now)
    assert len(waits) == MOST_ATTEMPTS - 1
    assert timedelta(hours=24) < sum(waits, timedelta()) < timedelta(days=4)
    assert claim_one(enqueued, now + timedelta(days=30)) is None
    with enqueued.database.write() as session:
        redeliver(session, session.get_one(Delivery, (left.license_id, left.id)), now)
    again = claim_one(enqueued, now)
    assert again
    assert (again.delivery.id, again.delivery.attempts) == (left.id, MOST_KEPT + 1)
    delays = [retry_delay(attempt) for attempt in range(MOST_KEPT + 1, MOST_ATTEMPTS)]
    assert sum(delays, timedelta()) > timedelta(hours=24)


def test_a_redelivery_that_fails_pauses_its_recipient_as_long_as_before(enqueued: Engine) -> None:
    ann = deliveries(enqueued)[0]
    with enqueued.database.write() as session:
        enqueue(
            session,
            [OutboundMessage(ann.license_id, RECOVERED, NOW, AlertsContent())],
            [Recipient(ann.license_id, "email", "ann", frozenset({RECOVERED}))],
        )
        for one in session.exec(select(Delivery).where(Delivery.id != ann.id)):
            one.due_at = NOW + timedelta(seconds=1)
        parked = session.get_one(Delivery, (ann.license_id, ann.id))
        parked.status, parked.attempts, parked.due_at = DeliveryStatus.PARKED.value, MOST_ATTEMPTS, None
    for _ in range(3):
        with enqueued.database.write() as session:
            redeliver(session, session.get_one(Delivery, (ann.license_id, ann.id)), NOW)
        record(enqueued, claim_one(enqueued), LATER)
        again, other = sorted(deliveries(enqueued)[:2], key=lambda one: one.id != ann.id)
        assert other.due_at == NOW + LONGEST_PAUSE
        assert again.due_at
        assert again.due_at >= NOW + LONGEST_PAUSE


def test_a_delivery_that_was_sent_after_its_lease_is_not_sent_again(enqueued: Engine) -> None:
    record(enqueued, claim_one(enqueued), SENT)
    slow = claim_one(enqueued)
    again = claim_one(enqueued, NOW + LEASE)
    record(enqueued, slow, SENT, NOW + LEASE)
    record(enqueued, again, LATER, NOW + LEASE)
    assert counts(enqueued) == {"sent": 2}
    assert claim_one(enqueued, NOW + timedelta(days=1)) is None


@given(st.integers(1, MOST_ATTEMPTS))
def test_a_wait_is_twice_as_long_each_time_with_jitter_and_six_hours_at_the_most(attempts: int) -> None:
    least = min(timedelta(seconds=5) * 2 ** (attempts - 1), LONGEST_DELAY / 2)
    assert least <= retry_delay(attempts) <= min(2 * timedelta(seconds=5) * 2 ** (attempts - 1), LONGEST_DELAY)


def test_a_recipient_who_is_not_reached_is_paused_and_others_are_not(engine: Engine) -> None:
    license_id = engine.license()
    recipients = [Recipient(license_id, "email", name, frozenset({CROSSED})) for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent()) for _ in range(3)], recipients)
    for _ in range(4):
        claimed = claim_one(engine)
        assert claimed
        record(engine, claimed, LATER if claimed.delivery.recipient == "ann" else SENT)
    assert claim_one(engine) is None
    (late,) = {one.due_at for one in deliveries(engine) if one.recipient == "ann"}
    assert late
    assert NOW + timedelta(seconds=5) <= late <= NOW + timedelta(seconds=10)
    assert [one.attempts for one in deliveries(engine) if one.recipient == "ann"].count(0) == 2


def test_a_worker_that_has_lost_its_claim_pauses_no_recipient(engine: Engine) -> None:
    license_id = engine.license()
    message = OutboundMessage(license_id, CROSSED, NOW, AlertsContent())
    with engine.database.write() as session:
        enqueue(session, [message, message], [Recipient(license_id, "email", "ann", frozenset({CROSSED}))])
    stopped = claim_one(engine)
    assert stopped
    later = NOW + LEASE
    for _ in range(2):  # both, by another worker
        record(engine, claim_one(engine, later), SENT, later)
    with engine.database.write() as session:
        enqueue(session, [message], [Recipient(license_id, "email", "ann", frozenset({CROSSED}))])
    record(engine, stopped, LATER, later)
    assert counts(engine) == {"sent": 2, "pending": 1}
    assert claim_one(engine, later)


@given(st.integers(1, MOST_ATTEMPTS - 1), st.timedeltas(timedelta(), timedelta(days=30)))
@examples(30)
def test_a_delay_that_a_recipient_asks_for_is_granted_up_to_six_hours(
    enqueued: Engine, attempts: int, asked: timedelta
) -> None:
    with enqueued.database.write() as session:
        for one in session.exec(select(Delivery)):
            one.attempts, one.due_at, one.claim = attempts - 1, NOW + DAY * (one.recipient == "bob"), None
    record(enqueued, claim_one(enqueued), Outcome(None, "come back", asked))
    ann, bob = deliveries(enqueued)
    assert ann.due_at
    assert max(timedelta(seconds=5), min(asked, LONGEST_DELAY)) <= ann.due_at - NOW <= LONGEST_DELAY
    assert bob.due_at == NOW + DAY
