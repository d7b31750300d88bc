"""The job of the workers that sends what is in the outbox."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from core.alerts.outbox import Outcome, Outgoing, finish, take
from core.database.engine import Database

logger = logging.getLogger(__name__)

BATCH: Final = 10
LEASE: Final = timedelta(minutes=5)
"""After this long a delivery whose worker was lost is taken by another: longer than sending a batch may take."""


class Channel(Protocol):
    """A way to recipients, such as e-mail."""

    def send(self, outgoing: Outgoing) -> Outcome:
        """Send it once, within 25 seconds. An error that is raised means that it may succeed later."""


def send_due(database: Database, channels: Mapping[str, Channel]) -> int:
    """Take some deliveries that are due and send them; how many were taken, 0 where none was due."""
    with database.write() as session:
        taken = take(session, datetime.now(UTC), BATCH, LEASE)
    for outgoing in taken:
        outcome = _send(channels.get(outgoing.delivery.channel), outgoing)
        with database.write() as session:
            finish(session, outgoing.delivery, outcome, datetime.now(UTC))
    return len(taken)


def _send(channel: Channel | None, outgoing: Outgoing) -> Outcome:
    if channel is None:
        return Outcome(sent=False, said="No channel of this name is set up on this worker.")
    try:
        return channel.send(outgoing)
    except Exception as error:
        logger.exception("sending %s of license %s failed", outgoing.delivery.id, outgoing.delivery.license_id)
        return Outcome(sent=False, said=f"It could not be sent: {type(error).__name__}.")
