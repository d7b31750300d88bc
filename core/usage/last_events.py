"""The newest event behind each sum, where it does not count on that day any more."""

from typing import Final

import sqlalchemy as sa
from sqlmodel import Session

from core.usage.tables import LedgerEvent, UsageSum

_UNKNOWN: Final = dict.fromkeys(("last_time", "last_source", "last_id", "last_accepted"))


def forget_last_events(session: Session, license_id: int) -> None:
    """Forget the newest event of each sum of a license if the event is of another day since.

    Which event is the newest then is not known without the ledger, which has no index for that.

    Args:
        session: A session for writing.
        license_id: The license.
    """
    total, event = UsageSum.__table__, LedgerEvent.__table__  # type: ignore[attr-defined]
    is_gone = (
        sa.select(sa.literal(1))
        .where(
            event.c.license_id == license_id,
            event.c.source == total.c.last_source,
            event.c.id == total.c.last_id,
            event.c.day != total.c.day,
        )
        .correlate(total)
        .exists()
    )
    session.execute(sa.update(total).values(_UNKNOWN).where(total.c.license_id == license_id, is_gone))


def forget_last_event(session: Session, event: LedgerEvent) -> None:
    """Forget an event as the newest of its sum, as it was cancelled."""
    total = UsageSum.__table__  # type: ignore[attr-defined]
    of_event = (
        *(total.c.license_id == event.license_id, total.c.series_id == event.series_id, total.c.day == event.day),
        *(total.c.last_source == event.source, total.c.last_id == event.id),
    )
    session.execute(sa.update(total).values(_UNKNOWN).where(*of_event))
