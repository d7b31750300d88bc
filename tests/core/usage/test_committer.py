"""What several senders bring at once goes into one transaction, and each gets its own answer."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Never

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from core.errors import Overloaded
from core.usage import committer as module
from core.usage.amount import TotalTooLarge
from core.usage.committer import Committer
from core.usage.events import EventRules, UsageEvent, check_events
from core.usage.ingest import ingest
from core.usage.record_result import RecordResult
from core.usage.tables import LedgerEvent as LedgerRow
from tests.fixtures.engine import NOW, OPERATOR, Engine, counted_statements, usage_event


def checked(engine: Engine, *raws: object) -> Sequence[UsageEvent]:
    rules = EventRules(engine.runtime.registry.event_types, NOW, None, timedelta(minutes=5), lambda _: True)
    events, rejected = check_events(raws, rules)
    assert rejected == []
    return events


@contextmanager
def held_up(engine: Engine) -> Iterator[None]:
    """Within it nothing is committed, since another process holds what every batch needs."""
    if engine.database.is_sqlite:
        with engine.database.write():
            yield
    else:
        with engine.database.write() as session:
            session.connection().exec_driver_sql("LOCK TABLE usage_event")
            yield


def outcome(future: "Future[RecordResult]") -> tuple[int, int, list[int]]:
    recorded = future.result(timeout=30)
    return recorded.accepted, recorded.duplicates, [one.index for one in recorded.rejected]


def ledger(engine: Engine) -> set[tuple[str, int]]:
    with engine.database.read() as session:
        return {(row.id, row.whole) for row in session.exec(select(LedgerRow))}


def test_each_sender_is_told_of_its_own_events(engine: Engine) -> None:
    engine.license()
    committer = engine.runtime.committer
    shared, other = usage_event("sms.sent", id="shared"), usage_event("sms.sent", id="shared", quantity=2)
    with held_up(engine):
        futures = [
            committer.submit(checked(engine, usage_event("sms.sent", id="own"), shared), NOW),
            committer.submit(checked(engine, shared, shared), NOW),
            committer.submit(checked(engine, other, usage_event("sms.sent", license="nobody")), NOW),
        ]
    outcomes = [outcome(future) for future in futures]
    assert sum(accepted for accepted, _, _ in outcomes) == 2
    if engine.database.is_sqlite:  # elsewhere transactions overlap, and any of them may come first
        assert outcomes == [(2, 0, []), (0, 2, []), (0, 0, [0, 1])]
    assert len(ledger(engine)) == 2


def test_what_waits_goes_into_one_transaction(engine: Engine) -> None:
    engine.license()
    with counted_statements(engine.database) as alone:
        engine.send(usage_event("sms.sent"))
    with counted_statements(engine.database) as together:
        with held_up(engine):
            futures = [
                engine.runtime.committer.submit(checked(engine, usage_event("sms.sent")), NOW) for _ in range(200)
            ]
        wait(futures, timeout=30)
    assert [outcome(future) for future in futures] == [(1, 0, [])] * 200
    # Each thread has taken one batch before it is held up, and takes all others after it.
    assert len(together) <= 10 * len(alone)
    engine.refresh()
    assert engine.reading("sms_credits").used == Decimal(201)


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[list[int]]:
    """Within it every transaction fails; how many batches each of them was of."""
    tried: list[int] = []

    def fail(_: object, batches: Sequence[object], *rest: object, **named: object) -> Never:
        tried.append(len(batches))
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(module, "record_together", fail)
        yield tried


def test_where_the_database_is_away_nobody_waits_until_that_was_tried_for_each(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.license()
    committer = engine.runtime.committer
    away = OperationalError("", {}, psycopg.OperationalError("gone"))
    with failing(monkeypatch, away) as tried:
        with held_up(engine):
            futures = [committer.submit(checked(engine, usage_event("sms.sent")), NOW) for _ in range(50)]
        wait(futures, timeout=30)
    assert {type(future.exception()) for future in futures} == {OperationalError}
    assert sum(tried) == 50
    assert engine.send(usage_event("sms.sent")).accepted == 1


def test_a_deadlock_is_tried_again_for_each(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.license()
    deadlock = OperationalError("", {}, psycopg.errors.DeadlockDetected("in a circle"))
    committer = Committer(engine.database, max_waiting=100)
    with failing(monkeypatch, deadlock) as tried:
        committer._commit(
            [module._Submission("", checked(engine, usage_event("sms.sent")), NOW, True, Future()) for _ in range(3)]
        )
    assert tried == [3, 1, 1, 1]
    committer.close()


def test_the_nearest_license_is_named_to_whoever_asked_and_keeps_nobody_else_waiting(engine: Engine) -> None:
    engine.license()
    with held_up(engine):
        futures = [
            engine.runtime.committer.submit(checked(engine, usage_event("sms.sent", license=key)), NOW)
            for key in ("acme", "acne", "acme")
        ]
    assert [outcome(future) for future in futures] == [(1, 0, []), (0, 0, [0]), (1, 0, [])]
    [refused] = futures[1].result().rejected
    assert refused.message == "No license 'acne'. Did you mean 'acme'?"


def test_a_batch_that_cannot_be_recorded_costs_its_neighbours_nothing(engine: Engine) -> None:
    engine.license()
    largest = [usage_event("sms.sent", quantity=2**53) for _ in range(512)]
    with held_up(engine):
        futures = [
            engine.runtime.committer.submit(checked(engine, *raws), NOW)
            for raws in ([usage_event("sms.sent", id="a")], largest, [usage_event("sms.sent", id="b")])
        ]
    assert outcome(futures[0]) == outcome(futures[2]) == (1, 0, [])
    with pytest.raises(TotalTooLarge):
        futures[1].result(timeout=30)
    assert ledger(engine) == {("a", 1), ("b", 1)}


def test_more_than_there_is_room_for_is_refused_and_what_was_taken_is_kept(engine: Engine) -> None:
    engine.license()
    committer = Committer(engine.database, max_waiting=3)
    with held_up(engine):
        taken = [committer.submit(checked(engine, usage_event("sms.sent"), usage_event("sms.sent")), NOW)]
        committer.require_room()
        taken.append(committer.submit(checked(engine, usage_event("sms.sent"), usage_event("sms.sent")), NOW))
        with pytest.raises(Overloaded):
            committer.require_room()
        with pytest.raises(Overloaded) as refused:
            committer.submit(checked(engine, usage_event("sms.sent")), NOW)
        assert (refused.value.code, refused.value.status) == ("OVERLOADED", 503)
    assert [outcome(future) for future in taken] == [(2, 0, [])] * 2
    committer.require_room()
    committer.close()
    assert len(ledger(engine)) == 4


def test_a_sender_that_sends_too_much_leaves_room_to_another(engine: Engine) -> None:
    engine.license()
    committer = Committer(engine.database, max_waiting=4)
    event = usage_event("sms.sent")
    with held_up(engine):
        greedy = [committer.submit(checked(engine, event, event), NOW, sender="greedy") for _ in range(2)]
        with pytest.raises(Overloaded):
            committer.require_room("greedy")
        modest = committer.submit(checked(engine, usage_event("sms.sent")), NOW, sender="modest")
    assert outcome(modest) == (1, 0, [])
    assert sum(outcome(future)[0] for future in greedy) == 1
    committer.close()


def test_senders_take_turns_batch_by_batch(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOGETHER", 2)
    engine.license()
    committer, order = engine.runtime.committer, list[str]()

    def submit(sender: str, count: int) -> Future[RecordResult]:
        events = checked(engine, *[usage_event("sms.sent", id=f"{sender}-{len(futures)}-{n}") for n in range(count)])
        future = committer.submit(events, NOW, sender=sender)
        future.add_done_callback(lambda _: order.append(sender))
        return future

    futures: list[Future[RecordResult]] = []
    with held_up(engine):
        for sender, count in [("greedy", 3)] * 6 + [("modest", 1), ("other", 1)]:
            futures.append(submit(sender, count))
    assert all(outcome(future)[1:] == (0, []) for future in futures)
    # The threads had taken one transaction each (four on PostgreSQL) before the others came.
    begun = 1 if engine.database.is_sqlite else 4
    assert order.index("modest") <= begun + 1
    assert order.index("other") <= begun + 2


def test_at_its_end_it_commits_what_waits_and_takes_nothing_more(engine: Engine) -> None:
    engine.license()
    committer = Committer(engine.database, max_waiting=100)
    with held_up(engine):
        futures = [committer.submit(checked(engine, usage_event("sms.sent")), NOW) for _ in range(9)]
        closing = threading.Thread(target=committer.close)
        closing.start()
    closing.join(timeout=30)
    assert [outcome(future) for future in futures] == [(1, 0, [])] * 9
    with pytest.raises(Overloaded):
        committer.submit(checked(engine, usage_event("sms.sent")), NOW)


def test_a_sender_that_left_costs_the_others_nothing(engine: Engine) -> None:
    engine.license()
    committer = engine.runtime.committer
    with held_up(engine):
        left = [committer.submit(checked(engine, usage_event("sms.sent")), NOW) for _ in range(8)]
        assert not any(future.cancel() for future in left)
        stayed = committer.submit(checked(engine, usage_event("sms.sent")), NOW)
    assert outcome(stayed) == (1, 0, [])
    assert engine.send(usage_event("sms.sent")).accepted == 1
    assert len(ledger(engine)) == 10


def test_nothing_is_committed_for_a_request_of_which_nothing_can_be_taken(engine: Engine) -> None:
    with held_up(engine):
        taken = ingest(
            OPERATOR,
            [None, usage_event("nonsense")],
            NOW,
            registry=engine.runtime.registry,
            settings=engine.runtime.settings,
            committer=engine.runtime.committer,
        )
        assert [one.code for one in taken.wait().rejected] == ["NOT_AN_EVENT", "UNKNOWN_TYPE"]
