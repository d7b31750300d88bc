"""Deliveries: taken by one worker at a time, tried again with longer and longer waits, parked in the end."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import col, select

from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.claim import AT_ONCE, ClaimedDelivery, DeliveryFilter, claim_delivery
from core.delivery.outbox.counts import count_deliveries
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.pause import LONGEST_PAUSE
from core.delivery.outbox.redeliver import MOST_KEPT, redeliver
from core.delivery.outbox.retries import LONGEST_DELAY, MOST_ATTEMPTS, retry_delay
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from tests.fixtures.engine import NOW, Engine
from tests.forms import examples

LEASE = timedelta(minutes=2)
DAY = timedelta(days=1)
SENT = Outcome(DeliveryStatus.SENT, "250 OK")
LATER = Outcome(None, "450 try later")


@pytest.fixture
def told(engine: Engine) -> Engine:
    """One message to two recipients."""
    license_id = engine.license()
    addresses = [Recipient(license_id, "email", name, frozenset({CROSSED})) for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
    return engine


def take_one(engine: Engine, now: datetime = NOW) -> ClaimedDelivery | None:
    with engine.database.write() as session:
        return claim_delivery(session, now, LEASE)


def end(engine: Engine, claimed: ClaimedDelivery | None, outcome: Outcome, now: datetime = NOW) -> None:
    assert claimed is not None
    with engine.database.write() as session:
        record_outcome(session, claimed.delivery, outcome, now)


def deliveries(engine: Engine) -> Sequence[Delivery]:
    with engine.database.read() as session:
        return session.exec(select(Delivery).order_by(col(Delivery.recipient))).all()


def test_a_thread_claims_by_channel_by_recipient_or_for_all_other_recipients(engine: Engine) -> None:
    license_id = engine.license()
    addresses = [
        Recipient(license_id, *which, frozenset({CROSSED}))
        for which in (("email", "ann"), ("notifier", "chat"), ("notifier", "pager"), ("notifier", "gone"))
    ]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
    for wanted, taken in (
        (DeliveryFilter("email"), "ann"),
        (DeliveryFilter("notifier", recipient="pager"), "pager"),
        (DeliveryFilter("notifier", other_than=("chat", "pager")), "gone"),
        (DeliveryFilter("notifier", recipient="chat"), "chat"),
    ):
        with engine.database.write() as session:
            claimed = claim_delivery(session, NOW, LEASE, wanted)
            assert claimed
            assert claimed.delivery.recipient == taken
            assert claim_delivery(session, NOW, LEASE, wanted) is None


def test_each_recipient_who_wants_a_kind_gets_a_delivery_of_the_one_message(told: Engine) -> None:
    ann, bob = deliveries(told)
    assert (ann.recipient, bob.recipient) == ("ann", "bob")
    assert ann.message_id == bob.message_id
    assert (ann.status, ann.attempts, ann.due_at, ann.created_at) == ("PENDING", 0, NOW, NOW)
    address = Recipient(ann.license_id, "email", "ann", frozenset({CROSSED}))
    with told.database.write() as session:
        enqueue(session, [OutboundMessage(ann.license_id, RECOVERED, NOW, AlertsContent())], [address])
    assert len(deliveries(told)) == 2


def test_a_delivery_is_taken_by_one_worker_and_by_another_when_its_lease_ends(told: Engine) -> None:
    first, second = take_one(told), take_one(told)
    assert first
    assert second
    assert first.delivery.id != second.delivery.id
    assert take_one(told) is None
    assert take_one(told, NOW + LEASE - timedelta(seconds=1)) is None
    again = take_one(told, NOW + LEASE)
    assert again
    assert again.delivery.attempts == 2
    # The one that was lost comes back too late to say anything.
    lost = first if again.delivery.id == first.delivery.id else second
    end(told, lost, LATER)
    end(told, again, SENT, NOW + LEASE)
    assert count_of(told) == {"sent": 1, "pending": 1}


def count_of(engine: Engine) -> dict[str, int]:
    with engine.database.read() as session:
        return {status: number for status, number in count_deliveries(session).items() if number}


def test_what_fails_is_tried_again_and_parked_in_the_end_and_can_be_sent_again_by_hand(told: Engine) -> None:
    end(told, take_one(told), SENT)
    now, waits = NOW, []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = take_one(told, now)
        assert claimed
        assert claimed.delivery.attempts == attempt
        end(told, claimed, LATER, now)
        [left] = [one for one in deliveries(told) if one.status != "SENT"]
        if left.due_at:
            waits.append(left.due_at - now)
            now = left.due_at
    assert (left.status, left.due_at, left.detail, left.finished_at) == ("PARKED", None, "450 try later", now)
    assert len(waits) == MOST_ATTEMPTS - 1
    assert timedelta(hours=24) < sum(waits, timedelta()) < timedelta(days=4)
    assert take_one(told, now + timedelta(days=30)) is None
    with told.database.write() as session:
        redeliver(session, session.get_one(Delivery, (left.license_id, left.id)), now)
    again = take_one(told, now)
    assert again
    assert (again.delivery.id, again.delivery.attempts) == (left.id, MOST_KEPT + 1)
    delays = [retry_delay(attempt) for attempt in range(MOST_KEPT + 1, MOST_ATTEMPTS)]
    assert sum(delays, timedelta()) > timedelta(hours=24)


def test_one_sent_again_by_hand_that_fails_again_has_its_recipient_wait_as_long_as_before(told: Engine) -> None:
    ann = deliveries(told)[0]
    with told.database.write() as session:
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
        with told.database.write() as session:
            redeliver(session, session.get_one(Delivery, (ann.license_id, ann.id)), NOW)
        end(told, take_one(told), LATER)
        again, other = sorted(deliveries(told)[:2], key=lambda one: one.id != ann.id)
        assert other.due_at == NOW + LONGEST_PAUSE
        assert again.due_at
        assert again.due_at >= NOW + LONGEST_PAUSE


def test_a_delivery_that_is_lost_with_its_worker_each_time_is_parked(told: Engine) -> None:
    end(told, take_one(told), SENT)
    now = NOW
    for _ in range(MOST_ATTEMPTS):
        assert take_one(told, now)
        now += LEASE
    assert take_one(told, now) is None
    [left] = [one for one in deliveries(told) if one.status != "SENT"]
    assert (left.status, left.attempts, left.due_at, left.finished_at) == ("PARKED", MOST_ATTEMPTS, None, now)
    assert left.detail == "Its workers were lost again and again; it was given up."


def test_one_that_is_parked_for_its_lost_workers_does_not_keep_the_next_from_being_taken(told: Engine) -> None:
    with told.database.write() as session:
        lost = session.exec(select(Delivery).where(Delivery.recipient == "ann")).one()
        lost.attempts, lost.due_at = MOST_ATTEMPTS, NOW - LEASE
        session.add(lost)
    taken = take_one(told)
    assert taken
    assert taken.delivery.recipient == "bob"
    assert count_of(told) == {"pending": 1, "parked": 1}


def test_what_was_sent_after_the_lease_is_sent_no_more(told: Engine) -> None:
    end(told, take_one(told), SENT)
    slow = take_one(told)
    again = take_one(told, NOW + LEASE)
    end(told, slow, SENT, NOW + LEASE)
    end(told, again, LATER, NOW + LEASE)
    assert count_of(told) == {"sent": 2}
    assert take_one(told, NOW + timedelta(days=1)) is None


@given(st.integers(1, MOST_ATTEMPTS))
def test_a_wait_is_twice_as_long_each_time_with_jitter_and_six_hours_at_the_most(attempts: int) -> None:
    least = min(timedelta(seconds=5) * 2 ** (attempts - 1), LONGEST_DELAY / 2)
    assert least <= retry_delay(attempts) <= min(2 * timedelta(seconds=5) * 2 ** (attempts - 1), LONGEST_DELAY)


def test_of_a_license_two_are_on_their_way_on_a_channel_and_others_go_before_its_third(engine: Engine) -> None:
    ids = [engine.license(key) for key in ("busy", "other")]
    for license_id, channel, number in [(ids[0], "email", 4), (ids[0], "webhook", 1), (ids[1], "email", 1)]:
        addresses = [Recipient(license_id, channel, f"r{n}", frozenset({CROSSED})) for n in range(number)]
        with engine.database.write() as session:
            enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
    taken = [one.delivery for one in (take_one(engine) for _ in range(6)) if one]
    assert sorted((one.license_id, one.channel) for one in taken) == [
        (ids[0], "email"),
        (ids[0], "email"),
        (ids[0], "webhook"),
        (ids[1], "email"),
    ]
    first = next(one for one in taken if (one.license_id, one.channel) == (ids[0], "email"))
    with engine.database.write() as session:
        record_outcome(session, first, SENT, NOW)
    assert [take_one(engine) is not None for _ in range(2)] == [True, False]
    # What its workers lost is on its way no more.
    assert [take_one(engine, NOW + LEASE) is not None for _ in range(3)] == [True, True, True]


def test_of_a_license_two_are_on_their_way_though_many_take_at_once(engine: Engine) -> None:
    license_id, workers = engine.license(), 4
    addresses = [Recipient(license_id, "email", f"r{n}", frozenset({CROSSED})) for n in range(workers)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
    ready = Barrier(workers)

    def work(_: int) -> bool:
        ready.wait()
        with engine.database.write() as session:
            taken = claim_delivery(session, NOW, LEASE)
            time.sleep(0.3)  # so that the others would take before this is committed
        return taken is not None

    with ThreadPoolExecutor(workers) as threads:
        assert sum(threads.map(work, range(workers))) == AT_ONCE


def test_who_has_enough_on_the_way_is_found_once_and_not_for_each_that_waits(engine: Engine) -> None:
    license_id = engine.license()
    addresses = [Recipient(license_id, "email", f"r{n}", frozenset({CROSSED})) for n in range(5)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
        assert [claim_delivery(session, NOW, LEASE) is not None for _ in range(AT_ONCE)] == [True] * AT_ONCE
    said = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        said.append((statement, parameters))

    event.listen(engine.database.engine, "before_cursor_execute", note)
    with engine.database.write() as session:
        assert claim_delivery(session, NOW, LEASE) is None
    event.remove(engine.database.engine, "before_cursor_execute", note)
    statement, parameters = next(one for one in said if "due_at <=" in one[0])
    explain = "EXPLAIN QUERY PLAN " if engine.database.is_sqlite else "EXPLAIN "
    with engine.database.engine.begin() as connection:
        plan = str(connection.exec_driver_sql(explain + statement, parameters).all())
    if engine.database.is_sqlite:
        assert "LIST SUBQUERY" in plan
        assert "CORRELATED" not in plan
    else:
        assert "hashed SubPlan" in plan


def test_while_a_recipient_is_not_reached_what_waits_for_them_waits_and_others_do_not(engine: Engine) -> None:
    license_id = engine.license()
    addresses = [Recipient(license_id, "email", name, frozenset({CROSSED})) for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent()) for _ in range(3)], addresses)
    for _ in range(4):
        claimed = take_one(engine)
        assert claimed
        end(engine, claimed, LATER if claimed.delivery.recipient == "ann" else SENT)
    assert take_one(engine) is None
    late = {one.due_at for one in deliveries(engine) if one.recipient == "ann"}
    assert len(late) == 1
    assert NOW + timedelta(seconds=5) <= late.pop() <= NOW + timedelta(seconds=10)
    assert [one.attempts for one in deliveries(engine) if one.recipient == "ann"].count(0) == 2


@given(st.integers(1, MOST_ATTEMPTS - 1), st.timedeltas(timedelta(), timedelta(days=30)))
@examples(30)
def test_what_a_recipient_asks_for_is_waited_for_six_hours_at_the_most(
    told: Engine, attempts: int, asked: timedelta
) -> None:
    with told.database.write() as session:
        for one in session.exec(select(Delivery)):
            one.attempts, one.due_at, one.claim = attempts - 1, NOW + DAY * (one.recipient == "bob"), None
    end(told, take_one(told), Outcome(None, "come back", asked))
    ann, bob = deliveries(told)
    assert ann.due_at
    assert max(timedelta(seconds=5), min(asked, LONGEST_DELAY)) <= ann.due_at - NOW <= LONGEST_DELAY
    assert bob.due_at == NOW + DAY


class Recording:
    """A channel that notes what it sends."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        self.sent.append(claimed.delivery.id)
        return SENT


def test_many_workers_send_each_delivery_once(engine: Engine) -> None:
    license_id = engine.license()
    addresses = [Recipient(license_id, "email", f"{number}", frozenset({CROSSED})) for number in range(60)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], addresses)
    channel = Recording()

    def work(_: int) -> None:
        while send_due(engine.database, {"email": channel}):
            pass

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert sorted(channel.sent) == sorted(one.id for one in deliveries(engine))
    assert len(set(channel.sent)) == 60
    assert count_of(engine) == {"sent": 60}


class Failing:
    def send(self, claimed: ClaimedDelivery) -> Outcome:
        return LATER


def test_workers_that_fail_at_the_same_recipients_at_once_all_write_down_what_became_of_it(engine: Engine) -> None:
    ids = [engine.license(f"l{number}") for number in range(3)]
    addresses = [Recipient(one, "email", name, frozenset({CROSSED})) for one in ids for name in ("ann", "bob")]
    with engine.database.write() as session:
        enqueue(
            session, [OutboundMessage(one, CROSSED, NOW, AlertsContent()) for one in ids for _ in range(10)], addresses
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


def test_a_channel_that_raises_costs_its_delivery_a_wait_and_says_nothing_of_its_inside(told: Engine) -> None:
    assert send_due(told.database, {"email": Raising()})
    assert send_due(told.database, {})
    assert not send_due(told.database, {})
    assert sorted(one.detail or "" for one in deliveries(told)) == [
        "It could not be sent: ValueError.",
        "No channel of this name is set up on this worker.",
    ]
    assert count_of(told) == {"failed": 2}
