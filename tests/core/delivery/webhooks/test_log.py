"""The delivery log, and sending again by hand."""

from datetime import timedelta

import pytest
import time_machine
from standardwebhooks.webhooks import Webhook

from core.delivery.outbox.claim import claim_delivery
from core.delivery.webhooks.endpoints import remove_endpoint
from core.delivery.webhooks.log import LoggedDelivery, list_deliveries
from core.delivery.webhooks.manual_delivery import redeliver_by_hand, send_test
from core.errors import InvalidInput
from core.workers.purge_finished import ATTEMPTS, MESSAGES, purge_finished
from tests.core.delivery.webhooks.conftest import Hooks
from tests.core.delivery.webhooks.receiver import answer, receiving
from tests.fixtures.engine import NOW, counted_statements

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.usefixtures("clock")


def log(hooks: Hooks, key: str = "platform", most: int = 100) -> list[LoggedDelivery]:
    endpoint = hooks.endpoint(key)
    with hooks.engine.database.read() as session:
        return list_deliveries(session, endpoint.license_id, [endpoint.id], most=most)[endpoint.id]


def again(hooks: Hooks, delivery: str, license: str = "acme") -> LoggedDelivery:
    with hooks.engine.database.write() as session:
        return redeliver_by_hand(session, license, delivery, NOW)


def test_each_attempt_is_kept_with_what_was_answered_the_newest_first(
    hooks: Hooks, clock: time_machine.Traveller
) -> None:
    with receiving(answer("500 Oops", b"a stack trace")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
        clock.move_to(NOW + HOUR)
        receiver.talk = answer("200 OK", b"thanks")
        hooks.deliver()
        hooks.forms(4, NOW + HOUR)
        hooks.deliver()
    recovered, crossed = log(hooks)
    assert [one.kind for one in (recovered, crossed)] == ["threshold.recovered", "threshold.crossed"]
    assert [(one.at, one.status, one.answer, one.error) for one in crossed.attempts] == [
        (NOW + HOUR, 200, "thanks", None),
        (NOW, 500, "a stack trace", None),
    ]
    assert all(0 <= one.milliseconds < 20_000 for one in crossed.attempts)
    assert log(hooks, most=1) == [recovered]


def test_pages_follow_each_other_without_gaps_or_repeats_also_at_the_same_moment(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.put(receiver.url())
        for _ in range(5):
            with hooks.engine.database.write() as session:
                send_test(session, "acme", "platform", NOW)
            hooks.deliver()
    endpoint, seen, after = hooks.endpoint(), [], None
    while True:
        with hooks.engine.database.read() as session:
            page = list_deliveries(session, endpoint.license_id, [endpoint.id], most=2, after=after)[endpoint.id]
        if not page:
            break
        seen += [one.delivery.id for one in page]
        after = (page[-1].delivery.created_at, page[-1].delivery.id)
    assert seen == sorted(one.id for one in hooks.deliveries())
    assert len(seen) == 5


def test_the_logs_of_all_endpoints_are_read_in_two_statements(hooks: Hooks) -> None:
    with receiving() as receiver:
        for number in range(4):
            hooks.put(receiver.url(), f"e{number}")
        hooks.forms(6)
        hooks.deliver()
    ids = [hooks.endpoint(f"e{number}").id for number in range(4)]
    with hooks.engine.database.read() as session, counted_statements(hooks.engine.database) as sent:
        found = list_deliveries(session, hooks.engine.id(), ids, most=10)
    ours = [one for one in sent if "delivery" in one]
    assert len(ours) == 2
    assert {one: [len(each.attempts) for each in found[one]] for one in ids} == {one: [1] for one in ids}


def test_anything_that_was_sent_is_sent_again_under_the_same_id_and_body(hooks: Hooks) -> None:
    with receiving() as receiver:
        secret = hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
        [delivery] = hooks.deliveries()
        assert again(hooks, delivery.id).delivery.status == "PENDING"
        hooks.deliver()
        first, second = receiver.requests
        Webhook(secret).verify(second.body, second.headers)
    assert (first.headers, first.body) == (second.headers, second.body)
    assert [len(one.attempts) for one in log(hooks)] == [2]


def test_one_that_waits_to_be_tried_again_is_tried_now(hooks: Hooks) -> None:
    with receiving(answer("500 Oops")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
        assert hooks.deliver() == 0
        again(hooks, hooks.deliveries()[0].id)
        assert hooks.deliver() == 1


def test_what_cannot_be_sent_again_is_said_so(hooks: Hooks) -> None:
    hooks.put("http://127.0.0.1:9/")
    hooks.forms(6)
    [delivery] = hooks.deliveries()
    hooks.engine.license("other")
    for unknown, license in [("nothing", "acme"), ("\0", "acme"), ("", "acme"), (delivery.id, "other")]:
        with pytest.raises(InvalidInput) as refused:
            again(hooks, unknown, license)
        assert [one.code for one in refused.value.problems] == ["UNKNOWN_DELIVERY"]
    with hooks.engine.database.write() as session:
        claim_delivery(session, NOW, HOUR)
    with pytest.raises(InvalidInput, match="is being sent at this moment"):
        again(hooks, delivery.id)
    hooks.put("http://127.0.0.1:9/", enabled=False)
    with pytest.raises(InvalidInput, match="'platform' is disabled"):
        again(hooks, delivery.id)
    with hooks.engine.database.write() as session:
        remove_endpoint(session, "acme", "platform")
    with pytest.raises(InvalidInput, match="No delivery"):
        again(hooks, delivery.id)


def test_attempts_are_kept_for_a_while_and_deliveries_as_long_as_their_messages(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
    second = timedelta(seconds=1)
    for at, left in [(ATTEMPTS - second, [1]), (ATTEMPTS + second, [0]), (MESSAGES + second, [])]:
        purge_finished(hooks.engine.database, NOW + at)
        assert [len(one.attempts) for one in log(hooks)] == left
