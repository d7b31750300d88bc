"""The secret that signs the installations of a license: make it, rotate it, and require signatures."""

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from core.admission.signatures import new_secret
from core.admission.tables import CheckInSecret
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import id_of

OVERLAP_DAYS: Final = 30
"""The default number of days for which signatures by an old secret are accepted beside those by a new one."""
MOST_OVERLAP_DAYS: Final = 366


def rotate_check_in_secret(
    session: Session, license: str, overlap_days: int, changed_by: str, now: datetime
) -> CheckInSecret:
    """Give a license its first or a new secret. Of two secrets before it, the older one ends at once.

    Args:
        session: The caller commits it.
        license: The key of the license.
        overlap_days: The days for which signatures by the present secret are accepted; 0 ends it at once.
        changed_by: The name of the API key or the user who makes the secret.
        now: The time of the change.

    Returns:
        The row with the new secret, which is shown once.

    Raises:
        InvalidInput: The license does not exist, or the overlap is negative or too long.
    """
    if not 0 <= overlap_days <= MOST_OVERLAP_DAYS:
        message = f"overlapDays must be from 0 to {MOST_OVERLAP_DAYS}, not {overlap_days}."
        raise InvalidInput([InputProblem("BAD_INPUT", message, ("overlapDays",))])
    license_id, row = _find(session, license)
    if row is None:
        row = CheckInSecret(license_id=license_id, secret="", made_at=now, changed_at=now, changed_by=changed_by)
    elif overlap_days:
        row.previous, row.previous_until = row.secret, now + timedelta(days=overlap_days)
    else:
        row.previous = row.previous_until = None
    row.secret, row.made_at = new_secret(), now
    row.changed_at, row.changed_by = now, changed_by
    session.add(row)
    session.flush()
    return row


def require_signatures(
    session: Session, license: str, changed_by: str, now: datetime, *, required: bool
) -> CheckInSecret:
    """Let installations of a license take places only if they are signed, or also if they are not.

    Raises:
        InvalidInput: The license does not exist, or has no secret.
    """
    _, row = _find(session, license)
    if row is None:
        message = "The license has no secret for check-ins. Make one first."
        raise InvalidInput([InputProblem("NO_SECRET", message, ("license",))])
    row.required, row.changed_at, row.changed_by = required, now, changed_by
    session.add(row)
    session.flush()
    return row


def _find(session: Session, license: str) -> tuple[int, CheckInSecret | None]:
    """Lock a license; return its id and the row of its secret, None if it has none."""
    license_id = id_of(named_license(session, license))
    lock_license(session, license_id)
    return license_id, session.get(CheckInSecret, license_id)
