"""Endpoints: made, changed, rotated, removed, tried."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook

from core.delivery.message_kinds import CROSSED, KINDS, RECOVERED, TEST
from core.delivery.outbox.tables import Message
from core.delivery.webhooks.endpoints import (
    MOST_ENDPOINTS,
    EndpointInput,
    list_endpoints,
    put_endpoint,
    remove_endpoint,
    rotate_secret,
)
from core.delivery.webhooks.manual_delivery import send_test
from core.errors import InvalidInput
from core.left_out import LEFT_OUT
from core.licenses.tables import LicenseAdmin
from core.workers.worker import Worker
from tests.core.delivery.webhooks.conftest import NETWORKS, Hooks
from tests.core.delivery.webhooks.receiver import answer, receiving
from tests.fixtures.engine import NOW

URL = "https://hooks.example/a"


def problems(hooks: Hooks, **fields: Any) -> list[tuple[str, tuple[str, ...], str]]:
    given = EndpointInput(**{"license": "acme", "key": "platform", "url": URL, **fields})
    with pytest.raises(InvalidInput) as refused, hooks.engine.database.write() as session:
        put_endpoint(session, given, [], NOW)
    return [(one.code, one.path, one.message) for one in refused.value.problems]


def endpoints(hooks: Hooks) -> list[str]:
    with hooks.engine.database.read() as session:
        return [one.key for one in list_endpoints(session, hooks.engine.id())]


def test_putting_again_changes_it_and_keeps_its_id_and_secret(hooks: Hooks) -> None:
    assert hooks.put(URL, kinds=(RECOVERED, CROSSED, CROSSED)).startswith("whsec_")
    first = hooks.endpoint()
    assert (first.url, first.kinds, first.enabled) == (URL, [CROSSED, RECOVERED], True)
    assert hooks.put("https://hooks.example/b", enabled=False) == ""
    second = hooks.endpoint()
    assert (second.url, second.kinds, second.enabled) == ("https://hooks.example/b", [CROSSED, RECOVERED], False)
    assert (second.id, second.secrets) == (first.id, first.secrets)
    assert hooks.put("https://hooks.example/b", kinds=None, enabled=None) == ""
    assert (hooks.endpoint().kinds, hooks.endpoint().enabled) == (None, True)


def test_a_new_endpoint_needs_a_url_which_cannot_be_cleared(hooks: Hooks) -> None:
    assert problems(hooks, url=LEFT_OUT) == [("MISSING", ("url",), "url is missing.")]
    assert problems(hooks, url=None) == [("BAD_INPUT", ("url",), "url cannot be null; leave it out to keep it.")]


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_written(hooks: Hooks) -> None:
    found = problems(hooks, key="a b", url="ftp://x", kinds=("threshold.crossed", "threshold.crosed"))
    assert found == [
        (
            "BAD_INPUT",
            ("key",),
            "key 'a b' must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', 100 at most.",
        ),
        ("BAD_INPUT", ("url",), "url is not a URL; write https://HOST/PATH."),
        (
            "UNKNOWN_KIND",
            ("kinds", "1"),
            f"No kind 'threshold.crosed'. Did you mean 'threshold.crossed'? The kinds are {', '.join(KINDS)}.",
        ),
    ]
    assert problems(hooks, kinds=())[0][1:] == (("kinds",), "kinds must hold one at least; null stands for all.")
    assert problems(hooks, license="acne")[0] == (
        "UNKNOWN_LICENSE",
        ("license",),
        "No license 'acne'. Did you mean 'acme'?",
    )
    assert problems(hooks, kinds=(TEST,))[0][0] == "UNKNOWN_KIND"
    assert endpoints(hooks) == []


@pytest.mark.parametrize("key", ["", "\0", "x" * 101, "\ud800", "é"])
def test_a_key_that_no_endpoint_can_have_is_refused_everywhere(hooks: Hooks, key: str) -> None:
    assert [path for _, path, _ in problems(hooks, key=key)] == [("key",)]
    for change in (
        lambda session: rotate_secret(session, "acme", key, NOW),
        lambda session: remove_endpoint(session, "acme", key),
        lambda session: send_test(session, "acme", key, NOW),
    ):
        with pytest.raises(InvalidInput) as refused, hooks.engine.database.write() as session:
            change(session)
        assert [one.code for one in refused.value.problems] == ["UNKNOWN_ENDPOINT"]


def test_an_unknown_one_is_answered_with_the_nearest_of_the_same_license(hooks: Hooks) -> None:
    hooks.put(URL, "platform")
    hooks.engine.license("other")
    for license, near in [("acme", " Did you mean 'platform'?"), ("other", "")]:
        with pytest.raises(InvalidInput) as refused, hooks.engine.database.write() as session:
            remove_endpoint(session, license, "platfrom")
        assert str(refused.value) == f"No webhook endpoint 'platfrom'.{near}"


def test_a_license_has_so_many_at_the_most_also_when_they_are_put_at_once(hooks: Hooks) -> None:
    def put(number: int) -> bool:
        try:
            hooks.put(URL, f"e{number}")
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(put, range(MOST_ENDPOINTS + 5)))
    assert sum(made) == len(endpoints(hooks)) == MOST_ENDPOINTS
    [(_, path, message)] = problems(hooks, key="one-more")
    assert (path, message) == (("key",), "A license has 20 webhook endpoints at the most. Remove one first.")
    hooks.put("https://hooks.example/changed", endpoints(hooks)[0])


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
def test_an_endpoint_is_put_while_others_insert_rows_of_the_license(hooks: Hooks) -> None:
    license_id = hooks.engine.id()
    with hooks.engine.database.write() as session:
        session.add(LicenseAdmin(license_id=license_id, email="ann@example.com"))
        session.flush()
        hooks.put(URL)  # where it waited, it would for ever
    assert endpoints(hooks) == ["platform"]


def test_the_same_one_put_at_once_is_one(hooks: Hooks) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: hooks.put(URL), range(8)))
    assert (len([one for one in made if one]), endpoints(hooks)) == (1, ["platform"])


@pytest.mark.parametrize("hours", [-1, 30 * 24 + 1])
def test_an_overlap_has_bounds(hooks: Hooks, hours: int) -> None:
    hooks.put(URL)
    with pytest.raises(InvalidInput, match=rf"overlapHours must be from 0 to 720, not {hours}\."):  # noqa: SIM117
        with hooks.engine.database.write() as session:
            rotate_secret(session, "acme", "platform", NOW, timedelta(hours=hours))


@pytest.mark.usefixtures("clock")
def test_a_test_goes_to_that_endpoint_alone_whatever_it_chose(hooks: Hooks) -> None:
    with receiving() as receiver, receiving() as other:
        secret = hooks.put(receiver.url(), kinds=(RECOVERED,))
        hooks.put(other.url(), "other")
        with hooks.engine.database.write() as session:
            delivery = send_test(session, "acme", "platform", NOW).delivery
        with hooks.engine.database.write() as session, pytest.raises(InvalidInput, match="is on its way to 'platform'"):
            send_test(session, "acme", "platform", NOW)
        assert hooks.deliver() == 1
        [request] = receiver.requests
        assert other.requests == []
        with hooks.engine.database.write() as session:  # the next one, now that it is over
            assert send_test(session, "acme", "platform", NOW).delivery.id != delivery.id
    assert request.headers["webhook-id"] == delivery.id
    assert Webhook(secret).verify(request.body, request.headers) == {
        "type": "webhook.test",
        "timestamp": "2026-03-15T12:00:00+00:00",
        "data": {"license": "acme", "endpoint": "platform"},
    }


@pytest.mark.usefixtures("clock")
def test_a_test_that_failed_is_tried_again_at_once_when_somebody_asks_for_it(hooks: Hooks) -> None:
    with receiving(answer("500 Down")) as receiver:
        hooks.put(receiver.url())
        with hooks.engine.database.write() as session:
            first = send_test(session, "acme", "platform", NOW).delivery.id
        assert hooks.deliver() == 1
    with receiving() as mended:
        hooks.put(mended.url())
        assert hooks.deliver() == 0
        with hooks.engine.database.write() as session:
            again = send_test(session, "acme", "platform", NOW)
        assert (again.delivery.id, len(again.attempts)) == (first, 1)
        assert hooks.deliver() == 1
        [request] = mended.requests
    assert request.headers["webhook-id"] == first


def test_one_that_is_disabled_is_not_tried(hooks: Hooks) -> None:
    hooks.put(URL, enabled=False)
    with hooks.engine.database.write() as session, pytest.raises(InvalidInput, match="'platform' is disabled"):
        send_test(session, "acme", "platform", NOW)
    with hooks.engine.database.read() as session:
        assert session.exec(select(Message)).all() == []


def test_a_worker_sends_to_them(hooks: Hooks) -> None:
    arrived = threading.Semaphore(0)

    def talk(connection: Any, over: threading.Event) -> None:
        answer()(connection, over)
        arrived.release()

    with receiving(talk) as receiver:
        secret = hooks.put(receiver.url())
        hooks.forms(6)
        changed = {"webhook_networks": NETWORKS, "sweep_seconds": 0.05}
        runtime = hooks.engine.runtime
        with Worker(replace(runtime, settings=runtime.settings.model_copy(update=changed))):
            assert arrived.acquire(timeout=30)
        [request] = receiver.requests
        assert Webhook(secret).verify(request.body, request.headers)["type"] == CROSSED
    assert [one.status for one in hooks.deliveries()] == ["SENT"]
