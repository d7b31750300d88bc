"""Webhook endpoints on the command line."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.delivery.outbox.dispatch import send_due
from core.delivery.outbox.tables import Delivery
from core.delivery.webhooks.channel import WebhookChannel
from core.delivery.webhooks.tables import WebhookEndpoint
from core.settings import Settings
from tests.cli.command import Run
from tests.core.delivery.webhooks.receiver import Receiver, answer, receiving
from tests.fixtures.engine import NOW

URL = "https://platform.example/hooks"


@pytest.fixture(autouse=True)
def acme(database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), NOW)
        put_license(session, LicenseInput("other", "Other"), NOW)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("ALLOWANCE_WEBHOOK_NETWORKS", "127.0.0.0/8")
    with receiving(answer("200 OK", b"thanks")) as receiver:
        yield receiver


def deliver(database: Database) -> None:
    channel = WebhookChannel(Settings(webhook_networks="127.0.0.0/8"), database)
    while send_due(database, {"webhook": channel}):
        pass


def test_an_endpoint_is_made_with_a_secret_listed_shown_changed_and_removed(run: Run) -> None:
    made = run("webhooks", "add", "acme", "platform", URL)
    assert made.code == 0
    assert made.out.splitlines()[-1].startswith("whsec_")
    run("webhooks", "add", "other", "billing", "https://billing.example/", "--kind", "threshold.crossed")
    listed = run("webhooks", "list").out
    for part in ("acme", "platform", URL, "all", "enabled", "other", "billing", "threshold.crossed"):
        assert part in listed
    assert "billing" not in run("webhooks", "list", "--license", "acme").out
    changed = run("webhooks", "add", "acme", "platform", URL, "--disabled", "--kind", "threshold.recovered")
    assert changed.out == "The endpoint platform was changed. Its secret stays.\n"
    shown = run("webhooks", "show", "acme", "platform").out.splitlines()
    assert shown[:3] == [f"acme: platform at {URL}", "kinds: threshold.recovered", "disabled"]
    assert shown[4:] == ["secret 1: signs"]
    assert run("webhooks", "remove", "acme", "platform").out == "The endpoint platform was removed.\n"
    assert "platform" not in run("webhooks", "list").out


def test_a_test_arrives_and_is_in_the_log_and_is_sent_again_by_hand(
    run: Run, database: Database, receiver: Receiver
) -> None:
    secret = run("webhooks", "add", "acme", "platform", receiver.url()).out.strip()
    sent = run("webhooks", "test", "acme", "platform").out
    delivery = sent.split()[1]
    assert "is on its way. 'allowance webhooks log acme platform' shows it." in sent
    waiting = run("webhooks", "log", "acme", "platform").out
    assert delivery in waiting
    assert "PENDING" in waiting
    deliver(database)
    assert run("webhooks", "redeliver", "acme", delivery).out == f"Delivery {delivery} is on its way again.\n"
    deliver(database)
    assert [request.headers["webhook-id"] for request in receiver.requests] == [delivery] * 2
    assert Webhook(secret).verify(receiver.requests[1].body, receiver.requests[1].headers)["type"] == "webhook.test"
    log = run("webhooks", "log", "acme", "platform").out
    assert log.count("webhook.test") == log.count("200") == log.count("thanks") == 2
    assert "SENT" in log


def test_a_rotated_secret_is_shown_once_and_the_old_one_ends_after_the_overlap(run: Run, database: Database) -> None:
    old = run("webhooks", "add", "acme", "platform", URL).out.strip()
    rotated = run("webhooks", "rotate", "acme", "platform", "--overlap-hours", "2")
    new = rotated.out.strip()
    assert rotated.err == "The old secret signs for 2 hours more. This is the new one, not shown again:\n"
    with database.read() as session:
        [newest, oldest] = session.exec(select(WebhookEndpoint)).one().secrets
    assert (newest, oldest["secret"]) == ({"secret": new, "until": None}, old)
    until = datetime.fromisoformat(str(oldest["until"]))
    assert timedelta(hours=1, minutes=58) < until - datetime.now(until.tzinfo) <= timedelta(hours=2)
    shown = run("webhooks", "show", "acme", "platform").out
    assert f"secret 2: signs until {until:%Y-%m-%d %H:%M} UTC" in shown
    assert (old in shown, new in shown) == (False, False)


@pytest.mark.parametrize(
    ("hours", "bound"),
    [
        ("-1", "greater than or equal to 0"),
        ("721", "less than or equal to 720"),
        ("9" * 14, "less than or equal to 720"),
    ],
)
def test_an_overlap_that_is_out_of_bounds_is_refused_before_anything_is_done(run: Run, hours: str, bound: str) -> None:
    refused = run("webhooks", "rotate", "acme", "platform", "--overlap-hours", hours)
    assert (refused.code, refused.out) == (2, "")
    assert f"Invalid value for '--overlap-hours': Input should be {bound}\n" in refused.err


def test_one_that_is_gone_says_why_it_is_disabled(run: Run, database: Database, receiver: Receiver) -> None:
    receiver.talk = answer("410 Gone")
    run("webhooks", "add", "acme", "platform", receiver.url())
    run("webhooks", "test", "acme", "platform")
    deliver(database)
    assert "disabled: It answered 410 Gone.\n" in run("webhooks", "show", "acme", "platform").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "acne", "x", URL), "No license 'acne'. Did you mean 'acme'?\n"),
        (("add", "acme", "x", "http://platform.example/"), "url must begin with https://.\n"),
        (("add", "acme", "x", "https://169.254.169.254/"), "url leads to an address that webhooks may not go to.\n"),
        (("add", "acme", "x", URL, "--kind", "all"), "No kind 'all'. The kinds are "),
        (("show", "acme", "x"), "No webhook endpoint 'x'.\n"),
        (("log", "acne", "x"), "No license 'acne'. Did you mean 'acme'?\n"),
        (("test", "acme", "x"), "No webhook endpoint 'x'.\n"),
        (("remove", "acme", "x"), "No webhook endpoint 'x'.\n"),
        (("redeliver", "acme", "x"), "No delivery 'x' to an endpoint of this license.\n"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    run: Run, database: Database, arguments: tuple[str, ...], said: str
) -> None:
    refused = run("webhooks", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(said)
    with database.read() as session:
        assert session.exec(select(Delivery)).all() == []
