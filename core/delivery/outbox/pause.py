"""Step 5 of the outbox: pause a recipient who was not reached."""

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select, update

from core.delivery.outbox.tables import Delivery

LONGEST_PAUSE: Final = timedelta(minutes=5)
"""The longest time that deliveries wait for a recipient who was not reached, unless the recipient asks for more."""


def pause_recipient(session: Session, failed: Delivery, until: datetime) -> None:
    """Let the other deliveries to a delivery's recipient wait until a time.

    A recipient that hangs or fails is so tried now and then, not once for each delivery. Deliveries that another
    transaction holds are skipped, so that two workers that pause the same recipient never wait for each other.
    """
    waiting = (
        select(Delivery.id)
        .where(Delivery.license_id == failed.license_id, Delivery.channel == failed.channel)
        .where(Delivery.recipient == failed.recipient, Delivery.id != failed.id)
        .where(col(Delivery.claim).is_(None), col(Delivery.due_at) < until)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(col(Delivery.license_id) == failed.license_id, col(Delivery.id).in_(waiting))
        .values(due_at=until)
        .execution_options(synchronize_session=False)
    )
