"""Deliveries of the outbox, repeated on the command line."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.delivery.message_kinds import CREDITS_EXPIRING
from core.delivery.messages import ExpiringContent
from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.enqueue import OutboundMessage, Recipient, enqueue
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from core.licenses.tables import id_of
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def parked(database: Database) -> list[str]:
    """The ids of two e-mails and a notifier's message of credits that expire; all are parked."""
    with database.write() as session:
        license_id = id_of(put_license(session, LicenseInput("acme", "Acme"), AT))
        kinds = frozenset({CREDITS_EXPIRING})
        addresses = [Recipient(license_id, channel, to, kinds) for channel, to in
                     (("email", "a@example.com"), ("email", "b@example.com"), ("notifier", "chat"))]  # fmt: skip
        enqueue(session, [OutboundMessage(license_id, CREDITS_EXPIRING, AT, ExpiringContent())], addresses)
    for _ in addresses:
        with database.write() as session:
            claimed = claim_delivery(session, AT, timedelta(minutes=2))
            assert claimed
        with database.write() as session:
            record_outcome(session, claimed.delivery, Outcome(DeliveryStatus.PARKED, "530 log in first"), AT)
    with database.read() as session:
        order = select(Delivery.id).order_by(col(Delivery.channel), col(Delivery.recipient))
        return list(session.exec(order))


def pending(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.exec(select(Delivery.recipient).where(Delivery.status == "PENDING")))


def test_what_is_named_is_sent_again(run: Run, database: Database, parked: list[str]) -> None:
    assert parked[0][:12] in run("outbox").out
    assert run("outbox", "redeliver", parked[0][:12], parked[2]).out == "Deliveries sent again: 2.\n"
    assert pending(database) == ["a@example.com", "chat"]


def test_all_that_is_parked_is_sent_again(run: Run, database: Database, parked: list[str]) -> None:
    assert run("outbox", "redeliver", "--parked", "--channel", "email").out == "Deliveries sent again: 2.\n"
    assert pending(database) == ["a@example.com", "b@example.com"]
    assert run("outbox", "redeliver", "--parked").out == "Deliveries sent again: 1.\n"
    assert run("outbox", "redeliver", "--parked").out == "Deliveries sent again: 0.\n"


def test_more_than_goes_into_one_transaction_is_sent_again(
    run: Run, database: Database, parked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.outbox.STEP", 2)
    assert run("outbox", "redeliver", "--parked").out == "Deliveries sent again: 3.\n"
    assert len(pending(database)) == 3


@pytest.mark.parametrize("arguments", [(), ("--channel", "email"), ("0", "--parked")])
def test_what_is_meant_has_to_be_said(run: Run, parked: list[str], arguments: tuple[str, ...]) -> None:
    refused = run("outbox", "redeliver", *arguments)
    assert (refused.code, "name deliveries, or give --parked" in refused.err) == (2, True)


@pytest.mark.parametrize("unknown", ["nothing", "%"])
def test_one_that_is_not_there_is_said_so_and_nothing_is_sent(
    run: Run, database: Database, parked: list[str], unknown: str
) -> None:
    refused = run("outbox", "redeliver", parked[0], unknown)
    assert (refused.code, refused.out, pending(database)) == (1, "", [])
    assert "'allowance outbox' names them." in refused.err


def test_a_delivery_that_a_worker_is_sending_is_not_sent_again(run: Run, database: Database, parked: list[str]) -> None:
    run("outbox", "redeliver", parked[0])
    with database.write() as session:
        claimed = claim_delivery(session, datetime.now(UTC), timedelta(minutes=2))
    assert claimed
    refused = run("outbox", "redeliver", parked[0], parked[1])
    assert (refused.code, refused.out, pending(database)) == (1, "", ["a@example.com"])
    assert refused.err == f"The delivery '{parked[0]}' is being sent at this moment.\n"
