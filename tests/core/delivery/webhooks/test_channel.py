"""What endpoints receive, and what becomes of each delivery by their answers."""

import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import time_machine
from sqlmodel import col, select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.administration.inputs import AdminInput
from core.alerts.recipients import load_recipients
from core.database.engine import Database
from core.delivery.message_kinds import CROSSED, RECOVERED
from core.delivery.messages import AlertsContent
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
from core.delivery.outbox.pause import LONGEST_PAUSE
from core.delivery.outbox.retries import LONGEST_DELAY
from core.delivery.outbox.tables import Delivery, Message
from core.delivery.webhooks import send as sending
from core.delivery.webhooks.channel import WebhookChannel
from core.delivery.webhooks.endpoints import remove_endpoint, rotate_secret
from core.delivery.webhooks.manual_delivery import send_test
from core.delivery.webhooks.sign import OVERLAP
from core.settings import Settings
from tests.core.delivery.webhooks.conftest import Hooks
from tests.core.delivery.webhooks.receiver import Talk, answer, receiving
from tests.fixtures.engine import NOW, counted_statements, new_key, usage_event
from tests.forms import long

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("clock")


def test_a_crossing_and_its_recovery_are_told_signed_with_all_that_a_platform_needs(
    hooks: Hooks, clock: time_machine.Traveller
) -> None:
    with receiving() as receiver:
        secret = hooks.put(receiver.url())
        hooks.forms(6)
        assert hooks.deliver() == 1
        clock.move_to(NOW + HOUR)
        hooks.forms(4, NOW + HOUR)
        assert hooks.deliver() == 1
        crossed, recovered = receiver.requests
        assert Webhook(secret).verify(recovered.body, recovered.headers) == recovered.json
        clock.move_to(NOW)
        assert Webhook(secret).verify(crossed.body, crossed.headers) == crossed.json
    alert = {
        "id": crossed.json["data"]["alerts"][0]["id"],
        "meter": "forms",
        "period": {"first": "2026-01-01", "end": "2027-01-01"},
        "ratio": "1",
        "limit": "5",
        "basis": crossed.json["data"]["alerts"][0]["basis"],
        "contractVersion": 1,
        "used": "6",
        "status": "EXCEEDED",
        "crossedAt": "2026-03-15T12:00:00+00:00",
        "foundAt": "2026-03-15T12:00:00+00:00",
        "recoveredAt": None,
    }
    assert crossed.json == {
        "type": "threshold.crossed",
        "timestamp": "2026-03-15T12:00:00+00:00",
        "data": {"license": "acme", "alerts": [alert]},
    }
    assert recovered.json == {
        "type": "threshold.recovered",
        "timestamp": "2026-03-15T13:00:00+00:00",
        "data": {"license": "acme", "alerts": [{**alert, "recoveredAt": "2026-03-15T13:00:00+00:00"}]},
    }
    assert crossed.headers["content-type"] == "application/json"
    assert [one.headers["webhook-id"] for one in (crossed, recovered)] == [one.id for one in hooks.deliveries()]
    assert [(one.status, one.detail) for one in hooks.deliveries()] == [("SENT", "It answered 200 OK.")] * 2


def test_a_body_that_was_changed_or_another_secret_does_not_verify(hooks: Hooks) -> None:
    with receiving() as receiver:
        secret = hooks.put(receiver.url())
        other = hooks.put(receiver.url(), "other")
        hooks.forms(6)
        hooks.deliver()
        request = next(one for one in receiver.requests if one.headers["webhook-id"] == hooks.deliveries()[1].id)
    Webhook(secret).verify(request.body, request.headers)
    for body, tried in [(request.body.replace(b"acme", b"acne"), secret), (request.body, other)]:
        with pytest.raises(WebhookVerificationError):
            Webhook(tried).verify(body, request.headers)


def test_each_endpoint_is_told_what_it_chose(hooks: Hooks) -> None:
    for key, kinds in {"all": None, "crossed": (CROSSED,), "recovered": (RECOVERED,)}.items():
        hooks.put("http://127.0.0.1:9/", key, kinds=kinds)
    hooks.put("http://127.0.0.1:9/", "disabled", enabled=False)
    hooks.forms(6)
    hooks.forms(4, NOW + HOUR)
    told = [one.recipient.partition(".")[0] for one in hooks.deliveries()]
    assert told == ["all", "crossed", "all", "recovered"]


def test_people_are_told_of_crossings_and_endpoints_of_recoveries_as_well(hooks: Hooks) -> None:
    hooks.engine.license(admins=[AdminInput("ann@example.com")])
    hooks.put("http://127.0.0.1:9/")
    hooks.forms(6)
    hooks.forms(4, NOW + HOUR)
    with hooks.engine.database.read() as session:
        rows = session.exec(
            select(Delivery.channel, Message.kind).join(Message, col(Message.id) == Delivery.message_id)
        )
        assert sorted(rows) == [("email", CROSSED), ("webhook", CROSSED), ("webhook", RECOVERED)]


def test_one_license_is_never_told_of_another(hooks: Hooks) -> None:
    hooks.put("http://127.0.0.1:9/")
    hooks.engine.license("other", terms={"forms": 5})
    hooks.forms(6, license="other")
    assert hooks.deliveries("other") == hooks.deliveries("acme") == []


def test_the_number_of_statements_does_not_depend_on_how_many_endpoints_there_are(hooks: Hooks) -> None:
    def statements(licenses: int) -> int:
        keys = [new_key() for _ in range(licenses)]
        for key in keys:
            hooks.engine.license(key, terms={"forms": 5})
            for number in range(3):
                hooks.put("http://127.0.0.1:9/", f"e{number}", key)
            hooks.engine.send(usage_event("forms.level", key, value=6))
        with counted_statements(hooks.engine.database) as sent:
            hooks.engine.refresh(*keys)
        assert [len(hooks.deliveries(key)) for key in keys] == [3] * licenses
        return len([one for one in sent if any(table in one for table in ("delivery", "message", "webhook"))])

    assert statements(1) == statements(10) == 4


def test_each_attempt_has_the_same_id_and_its_own_time(hooks: Hooks, clock: time_machine.Traveller) -> None:
    with receiving(answer("500 Oops")) as receiver:
        secret = hooks.put(receiver.url())
        hooks.forms(6)
        assert hooks.deliver() == 1
        clock.move_to(NOW + HOUR)
        receiver.talk = answer()
        assert hooks.deliver() == 1
        first, second = receiver.requests
        Webhook(secret).verify(second.body, second.headers)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert times == [int(NOW.timestamp()), int((NOW + HOUR).timestamp())]


def test_after_a_rotation_both_secrets_verify_until_the_old_one_ends(
    hooks: Hooks, clock: time_machine.Traveller
) -> None:
    with receiving() as receiver:
        old = hooks.put(receiver.url())
        with hooks.engine.database.write() as session:
            _, new = rotate_secret(session, "acme", "platform", NOW)
        for at, secrets in [(NOW, [old, new]), (NOW + OVERLAP, [new])]:
            clock.move_to(at)
            with hooks.engine.database.write() as session:
                send_test(session, "acme", "platform", at)
            hooks.deliver()
            request = receiver.requests.pop()
            assert len(request.headers["webhook-signature"].split()) == len(secrets)
            for secret in secrets:
                Webhook(secret).verify(request.body, request.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(request.body, request.headers)


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
def test_any_success_is_one(hooks: Hooks, status: str) -> None:
    with receiving(answer(status)) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
    [delivery] = hooks.deliveries()
    assert (delivery.status, delivery.detail, delivery.due_at) == ("SENT", f"It answered {status}.", None)


@pytest.mark.parametrize(
    "status",
    ["400 Bad Request", "401 Unauthorized", "404 Not Found", "408 Request Timeout", "500 Internal Server Error",
     "502 Bad Gateway", "504 Gateway Timeout"],
)  # fmt: skip
def test_any_failure_is_tried_again(hooks: Hooks, status: str) -> None:
    with receiving(answer(status, b"because", Retry_After="3600")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        assert hooks.deliver() == 1
    [delivery] = hooks.deliveries()
    assert (delivery.status, delivery.detail) == ("PENDING", f"It answered {status}.")
    assert delivery.due_at
    assert 5 * SECOND <= delivery.due_at - NOW <= 10 * SECOND
    [attempt] = hooks.attempts()
    assert (attempt.status, attempt.answer, attempt.error) == (int(status[:3]), "because", None)
    assert (attempt.delivery_id, attempt.at) == (delivery.id, NOW)


def test_a_redirect_is_not_followed_and_said_where_to(hooks: Hooks) -> None:
    with receiving() as private, receiving(answer("302 Found", Location=private.url() + "\x1b[2J")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
        assert private.requests == []
        said = f"It answered 302 Found to '{private.url()}�[2J'; redirects are not followed."
    [delivery] = hooks.deliveries()
    [attempt] = hooks.attempts()
    assert (delivery.status, delivery.detail) == ("PENDING", said)
    assert (attempt.status, attempt.error) == (302, said)


@pytest.mark.parametrize("status", [long("429 Too Many Requests"), "503 Service Unavailable"])
@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("3600", HOUR),
        (format_datetime(NOW + HOUR, usegmt=True), HOUR),
        ("9" * 500, LONGEST_DELAY),
        (format_datetime(datetime(2100, 1, 1, tzinfo=UTC), usegmt=True), LONGEST_DELAY),
        (format_datetime(NOW - HOUR, usegmt=True), 5 * SECOND),
        ("0", 5 * SECOND),
        ("-7", 5 * SECOND),
        ("soon", 5 * SECOND),
        ("Fri, 31 Dec 9999 23:59:59 -0100", LONGEST_DELAY),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", 5 * SECOND),
        ("²", 5 * SECOND),
    ],
)
def test_when_to_come_back_is_honoured_within_bounds(hooks: Hooks, status: str, asked: str, least: timedelta) -> None:
    with receiving(answer(status, Retry_After=asked)) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
    [delivery] = hooks.deliveries()
    assert delivery.due_at
    assert least <= delivery.due_at - NOW <= max(least, 10 * SECOND)


def test_an_endpoint_that_is_gone_is_disabled_and_told_nothing_more(hooks: Hooks) -> None:
    with receiving(answer("410 Gone")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
        hooks.forms(4, NOW + HOUR)
        assert (hooks.deliver(), len(receiver.requests)) == (0, 1)
    [delivery] = hooks.deliveries()
    assert (delivery.status, delivery.detail) == ("DROPPED", "It answered 410 Gone. The endpoint was disabled.")
    assert (hooks.endpoint().enabled, hooks.endpoint().disabled_because) == (False, "It answered 410 Gone.")
    hooks.put(receiver.url())
    assert (hooks.endpoint().enabled, hooks.endpoint().disabled_because) == (True, None)


def test_one_that_was_pointed_elsewhere_before_its_old_place_said_that_it_is_gone_stays(hooks: Hooks) -> None:
    def move(connection: socket.socket, over: threading.Event) -> None:
        hooks.put("http://127.0.0.1:9/elsewhere")
        answer("410 Gone")(connection, over)

    with receiving(move) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.deliver()
    assert (hooks.endpoint().enabled, hooks.endpoint().disabled_because) == (True, None)


def test_one_that_was_disabled_or_removed_meanwhile_gets_nothing(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.put(receiver.url(), "disabled")
        hooks.put(receiver.url(), "removed")
        hooks.forms(6)
        hooks.put(receiver.url(), "disabled", enabled=False)
        with hooks.engine.database.write() as session:
            remove_endpoint(session, "acme", "removed")
        hooks.put(receiver.url(), "removed")  # made anew under the same key: another one
        hooks.deliver()
        assert receiver.requests == []
    assert [(one.status, one.detail) for one in hooks.deliveries()] == [
        ("DROPPED", "The endpoint is disabled."),
        ("DROPPED", "The endpoint was removed."),
    ]


def test_an_address_that_is_not_allowed_any_more_is_not_gone_to(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        replace(hooks, channel=WebhookChannel(Settings(), hooks.engine.database)).deliver()
        assert receiver.requests == []
    said = "Its URL leads to an address that webhooks may not go to."
    assert [(one.status, one.detail) for one in hooks.deliveries()] == [("PENDING", said)]
    assert [(one.status, one.answer, one.error) for one in hooks.attempts()] == [(None, None, said)]


def test_a_request_ends_by_itself() -> None:
    assert max(sending.CONNECT, sending.SILENCE) < sending.DEADLINE


def hanging(begun: threading.Semaphore) -> Talk:
    def talk(_: object, over: threading.Event) -> None:
        begun.release()
        over.wait(60)

    return talk


def delivery_thread(hooks: Hooks, database: Database) -> threading.Thread:
    thread = threading.Thread(target=send_due, args=(database, {"webhook": hooks.channel}))
    thread.start()
    return thread


def test_a_license_whose_endpoints_all_hang_leaves_half_of_the_delivery_threads_to_the_others(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", 60.0)
    begun = threading.Semaphore(0)
    with receiving() as good:
        with receiving(hanging(begun)) as bad:
            for number in range(4):
                hooks.put(bad.url(), f"bad{number}")
            hooks.forms(6)
            busy = [delivery_thread(hooks, hooks.engine.database) for _ in range(2)]
            assert all(begun.acquire(timeout=30) for _ in busy)
            hooks.engine.license("other", terms={"forms": 5})
            hooks.put(good.url(), license="other")
            hooks.forms(6, NOW + SECOND, license="other")
            with time_machine.travel(NOW + SECOND, tick=False):
                assert hooks.deliver() == 1
            assert (len(good.requests), len(bad.requests)) == (1, 2)
        for thread in busy:
            thread.join()
    assert [one.status for one in hooks.deliveries("other")] == ["SENT"]


def test_what_waits_for_an_endpoint_that_fails_waits_with_it_and_follows_once_it_is_well(
    hooks: Hooks, clock: time_machine.Traveller
) -> None:
    with receiving(answer("500 Oops")) as failing, receiving() as good:
        hooks.put(failing.url(), "failing")
        hooks.put(good.url(), "good")
        license_id, waiting = hooks.engine.id(), 6
        with hooks.engine.database.write() as session:
            told = [OutboundMessage(license_id, CROSSED, NOW, AlertsContent())] * waiting
            enqueue(session, told, load_recipients(session, [license_id]))
        hooks.deliver()
        assert (len(failing.requests), len(good.requests)) == (1, waiting)
        late = [one.due_at for one in hooks.deliveries() if one.recipient.startswith("failing")]
        assert all(at and NOW + 5 * SECOND <= at <= NOW + LONGEST_PAUSE for at in late)
        clock.move_to(NOW + LONGEST_PAUSE)
        failing.talk = answer()
        hooks.deliver()
        assert len(failing.requests) == 1 + waiting
    assert {one.status for one in hooks.deliveries()} == {"SENT"}


def test_one_that_asks_to_be_left_alone_is_left_alone_with_everything(hooks: Hooks) -> None:
    with receiving(answer("429 Slow Down", Retry_After="1800")) as receiver:
        hooks.put(receiver.url())
        hooks.forms(6)
        hooks.forms(4)
        hooks.deliver()
        assert len(receiver.requests) == 1
    assert [one.due_at for one in hooks.deliveries()] == [NOW + HOUR / 2] * 2
