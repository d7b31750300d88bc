"""Suspending licenses and resuming them. Doing either again changes nothing.

Usage of a suspended license is still counted and measured. Only its installations are refused when they check in.
"""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from core.administration.rules.problems import Problems
from core.consumption.snapshots import mark_changed
from core.licenses.find import lock_license, named_license
from core.licenses.revision import raise_revision
from core.licenses.tables import License, id_of

LONGEST_REASON: Final = 500


def suspend_license(session: Session, license: str, reason: str, *, by: str, now: datetime) -> None:
    """Suspend a license. A license that is suspended already gets the new reason, and keeps the time.

    Args:
        session: The caller commits it.
        license: The key of the license.
        reason: The reason, which users and installations of the license see.
        by: The name of the API key or command that suspends it.
        now: The time of the change.

    Raises:
        InvalidInput: The reason is empty or too long, or the license does not exist.
    """
    problems = Problems()
    problems.text(reason, LONGEST_REASON, "reason")
    problems.raise_if_any()
    row = _lock(session, license)
    if row.suspended_at is not None and row.suspended_because == reason:
        return
    row.suspended_at = row.suspended_at or now
    row.suspended_because, row.suspended_by = reason, by
    _record_change(session, row)


def resume_license(session: Session, license: str) -> None:
    """End the suspension of a license. A license that is not suspended stays as it is.

    Raises:
        InvalidInput: The license does not exist.
    """
    row = _lock(session, license)
    if row.suspended_at is None:
        return
    row.suspended_at = row.suspended_because = row.suspended_by = None
    _record_change(session, row)


def _lock(session: Session, license: str) -> License:
    row = named_license(session, license)
    lock_license(session, id_of(row))
    session.refresh(row)  # another transaction may have changed it before the lock
    return row


def _record_change(session: Session, row: License) -> None:
    session.add(row)
    session.flush()
    mark_changed(session, id_of(row))
    raise_revision(session, id_of(row))
