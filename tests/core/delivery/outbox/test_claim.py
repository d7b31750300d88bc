"""Deliveries that are claimed by one worker at a time, within the limits of their license."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import event
from sqlmodel import select

from core.delivery.message_kinds import CROSSED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.claim import AT_ONCE, DeliveryFilter, claim_delivery
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import record_outcome
from core.delivery.outbox.retries import MOST_ATTEMPTS
from core.delivery.outbox.tables import Delivery
from tests.core.delivery.outbox.steps import LATER, LEASE, SENT, claim_one, counts, deliveries, record
from tests.fixtures.engine import NOW, Engine


def test_a_thread_claims_by_channel_by_recipient_or_for_all_other_recipients(engine: Engine) -> None:
    license_id = engine.license()
    recipients = [
        Recipient(license_id, *which, frozenset({CROSSED}))
        for which in (("email", "ann"), ("notifier", "chat"), ("notifier", "pager"), ("notifier", "gone"))
    ]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
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


def test_a_delivery_is_taken_by_one_worker_and_by_another_when_its_lease_ends(enqueued: Engine) -> None:
    first, second = claim_one(enqueued), claim_one(enqueued)
    assert first
    assert second
    assert first.delivery.id != second.delivery.id
    assert claim_one(enqueued) is None
    assert claim_one(enqueued, NOW + LEASE - timedelta(seconds=1)) is None
    again = claim_one(enqueued, NOW + LEASE)
    assert again
    assert again.delivery.attempts == 2
    # The one that was lost comes back too late to say anything.
    lost = first if again.delivery.id == first.delivery.id else second
    record(enqueued, lost, LATER)
    record(enqueued, again, SENT, NOW + LEASE)
    assert counts(enqueued) == {"sent": 1, "pending": 1}


def test_a_delivery_that_is_lost_with_its_worker_each_time_is_parked(enqueued: Engine) -> None:
    record(enqueued, claim_one(enqueued), SENT)
    now = NOW
    for _ in range(MOST_ATTEMPTS):
        assert claim_one(enqueued, now)
        now += LEASE
    assert claim_one(enqueued, now) is None
    [left] = [one for one in deliveries(enqueued) if one.status != "SENT"]
    assert (left.status, left.attempts, left.due_at, left.finished_at) == ("PARKED", MOST_ATTEMPTS, None, now)
    assert left.detail == "Given up after 20 attempts: the worker of the last attempt was lost."


def test_parking_an_abandoned_delivery_leads_on_to_the_next(enqueued: Engine) -> None:
    with enqueued.database.write() as session:
        lost = session.exec(select(Delivery).where(Delivery.recipient == "ann")).one()
        lost.attempts, lost.due_at = MOST_ATTEMPTS, NOW - LEASE
        session.add(lost)
    taken = claim_one(enqueued)
    assert taken
    assert taken.delivery.recipient == "bob"
    assert counts(enqueued) == {"pending": 1, "parked": 1}


def test_a_license_has_two_deliveries_on_their_way_on_a_channel_and_others_go_before_its_third(engine: Engine) -> None:
    ids = [engine.license(key) for key in ("busy", "other")]
    for license_id, channel, number in [(ids[0], "email", 4), (ids[0], "webhook", 1), (ids[1], "email", 1)]:
        recipients = [Recipient(license_id, channel, f"r{n}", frozenset({CROSSED})) for n in range(number)]
        with engine.database.write() as session:
            enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
    taken = [one.delivery for one in (claim_one(engine) for _ in range(6)) if one]
    assert sorted((one.license_id, one.channel) for one in taken) == [
        (ids[0], "email"),
        (ids[0], "email"),
        (ids[0], "webhook"),
        (ids[1], "email"),
    ]
    first = next(one for one in taken if (one.license_id, one.channel) == (ids[0], "email"))
    with engine.database.write() as session:
        record_outcome(session, first, SENT, NOW)
    assert [claim_one(engine) is not None for _ in range(2)] == [True, False]
    # What its workers lost is on its way no more.
    assert [claim_one(engine, NOW + LEASE) is not None for _ in range(3)] == [True, True, True]


def test_a_license_has_two_deliveries_on_their_way_though_many_threads_claim_at_once(engine: Engine) -> None:
    license_id, workers = engine.license(), 4
    recipients = [Recipient(license_id, "email", f"r{n}", frozenset({CROSSED})) for n in range(workers)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
    ready = Barrier(workers)

    def work(_: int) -> bool:
        ready.wait()
        with engine.database.write() as session:
            taken = claim_delivery(session, NOW, LEASE)
            time.sleep(0.3)  # so that the others would take before this is committed
        return taken is not None

    with ThreadPoolExecutor(workers) as threads:
        assert sum(threads.map(work, range(workers))) == AT_ONCE


def test_licenses_at_their_limit_are_found_once_and_not_for_each_delivery_that_waits(engine: Engine) -> None:
    license_id = engine.license()
    recipients = [Recipient(license_id, "email", f"r{n}", frozenset({CROSSED})) for n in range(5)]
    with engine.database.write() as session:
        enqueue(session, [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())], recipients)
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
