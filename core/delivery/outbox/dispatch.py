"""The sending of a delivery: claim it, send it over its channel, and record the outcome."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import monotonic, sleep
from typing import Final, Protocol, TypeAlias

from sqlmodel import Session

from core.database.engine import Database, is_away
from core.database.leases import claim_time, renewing
from core.delivery.outbox.claim import ClaimedDelivery, DeliveryFilter, LeaseOver, claim_delivery
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import DeliveryStatus

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=1)
"""After this time the delivery of a lost worker is claimed by another. It is renewed while a sending goes on."""
RECORDING: Final = 120.0
"""Seconds for which a worker tries to record an outcome. Nobody else claims it while the database is away."""
DATABASE_RETRY: Final = 1.0
"""Seconds between attempts to record an outcome in a database that is away."""


OnSent: TypeAlias = Callable[[Session, ClaimedDelivery], None]
"""Writes what follows from a delivery that was sent, in the transaction that records the outcome."""


class Channel(Protocol):
    """A way to recipients, such as e-mail."""

    def send(self, claimed: ClaimedDelivery) -> Outcome:
        """Send a delivery once, within a time of its own. An exception means that another attempt may succeed.

        Raises:
            LeaseOver: By :meth:`ClaimedDelivery.require_lease`, before the delivery is handed over.
        """


def send_due(
    database: Database,
    channels: Mapping[str, Channel],
    wanted: DeliveryFilter | None = None,
    on_sent: OnSent | None = None,
) -> bool:
    """Claim a delivery that is due, send it, and record the outcome. Return whether there was one.

    Args:
        database: The database.
        channels: The channels by name.
        wanted: The deliveries to claim; None for all.
        on_sent: Is called for a delivery that was sent and has reached its recipient.
    """
    with database.write() as session:
        claimed = claim_delivery(session, claim_time(session), LEASE, wanted)
    if claimed is None:
        return False
    with renewing(database, claimed.lease, [claimed.delivery]):
        try:
            outcome = _send(channels.get(claimed.delivery.channel), claimed)
        except LeaseOver:
            logger.warning("delivery %s was held for too long before it was sent; it is due again", claimed.delivery.id)
            return True
        _record(database, claimed, outcome, on_sent)
    return True


def _send(channel: Channel | None, claimed: ClaimedDelivery) -> Outcome:
    if channel is None:
        return Outcome(None, "No channel of this name is set up on this worker.")
    try:
        return channel.send(claimed)
    except LeaseOver:
        raise
    except Exception as error:
        logger.exception("sending %s of license %s failed", claimed.delivery.id, claimed.delivery.license_id)
        return Outcome(None, f"It could not be sent: {type(error).__name__}.")


def _record(database: Database, claimed: ClaimedDelivery, outcome: Outcome, on_sent: OnSent | None) -> None:
    """Record the outcome, and try again for RECORDING seconds while the database is away.

    A delivery whose outcome is not recorded is sent again.
    """
    delivery, end = claimed.delivery, monotonic() + RECORDING
    while True:
        try:
            with database.write() as session:
                record_outcome(session, delivery, outcome, claim_time(session))
                if on_sent and outcome.status is DeliveryStatus.SENT and outcome.reached:
                    on_sent(session, claimed)
            return
        except Exception as error:
            if monotonic() >= end or not is_away(error):
                raise
            logger.warning("the outcome of delivery %s cannot be recorded yet; trying again", delivery.id)
        sleep(DATABASE_RETRY)
