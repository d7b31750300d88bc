"""The steps of a delivery, each in a transaction of its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from core.delivery.outbox.claim import ClaimedDelivery, claim_delivery
from core.delivery.outbox.counts import count_deliveries
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from tests.fixtures.engine import NOW, Engine

LEASE = timedelta(minutes=2)
DAY = timedelta(days=1)
SENT = Outcome(DeliveryStatus.SENT, "250 OK")
LATER = Outcome(None, "450 try later")


def claim_one(engine: Engine, now: datetime = NOW) -> ClaimedDelivery | None:
    with engine.database.write() as session:
        return claim_delivery(session, now, LEASE)


def record(engine: Engine, claimed: ClaimedDelivery | None, outcome: Outcome, now: datetime = NOW) -> None:
    assert claimed is not None
    with engine.database.write() as session:
        record_outcome(session, claimed.delivery, outcome, now)


def deliveries(engine: Engine) -> Sequence[Delivery]:
    with engine.database.read() as session:
        return session.exec(select(Delivery).order_by(col(Delivery.recipient))).all()


def counts(engine: Engine) -> dict[str, int]:
    with engine.database.read() as session:
        return {status: number for status, number in count_deliveries(session).items() if number}
