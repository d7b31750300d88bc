"""The job of the workers that sends what is in the outbox."""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Final, Protocol

from core.database.engine import Database, is_away
from core.delivery.outbox.outbox import Outcome, Outgoing, finish, take
from core.delivery.outbox.tables import Delivery

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=2)
"""After this long a delivery whose worker was lost is taken by another: longer than any sending may take."""
PAUSE: Final = 1.0
"""Seconds until a database that is away is asked again."""


class Channel(Protocol):
    """A way to recipients, such as e-mail."""

    def send(self, outgoing: Outgoing) -> Outcome:
        """Send it once, in less than the lease. An error that is raised means that it may succeed later."""


def send_due(
    database: Database,
    channels: Mapping[str, Channel],
    *,
    only: str | None = None,
    to: str | None = None,
    but_to: Collection[str] = (),
    overdue: timedelta = timedelta(),
) -> bool:
    """Take a delivery that is due and send it; whether there was one. See :func:`core.delivery.outbox.outbox.take`."""
    with database.write() as session:
        outgoing = take(session, datetime.now(UTC), LEASE, only=only, to=to, but_to=but_to, overdue=overdue)
    if outgoing is None:
        return False
    outcome = _send(channels.get(outgoing.delivery.channel), outgoing)
    _write_down(database, outgoing.delivery, outcome)
    return True


def _write_down(database: Database, delivery: Delivery, outcome: Outcome) -> None:
    """As long as the lease lasts also where the database is away: what is not written down is sent again."""
    while True:
        try:
            with database.write() as session:
                finish(session, delivery, outcome, datetime.now(UTC))
            return
        except Exception as error:
            over = delivery.due_at is None or datetime.now(UTC) >= delivery.due_at
            if over or not is_away(error):
                raise
            logger.warning("what became of delivery %s cannot be written down yet; trying again", delivery.id)
        sleep(PAUSE)


def _send(channel: Channel | None, outgoing: Outgoing) -> Outcome:
    if channel is None:
        return Outcome(None, "No channel of this name is set up on this worker.")
    try:
        return channel.send(outgoing)
    except Exception as error:
        logger.exception("sending %s of license %s failed", outgoing.delivery.id, outgoing.delivery.license_id)
        return Outcome(None, f"It could not be sent: {type(error).__name__}.")
