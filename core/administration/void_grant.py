"""Voiding a grant of credits: what is left of it, or all of it. Voiding it again in the same way changes nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from core.administration.inputs import VoidInput
from core.administration.rules.problems import Problems
from core.consumption.snapshots import mark_changed
from core.database.suggestions import suggest_stored
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import Grant, id_of
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.late_usage import mark_late


def void_grant(session: Session, given: VoidInput, voided_by: str, now: datetime) -> Grant:
    """Void a grant, and make the license's refresh due.

    Of a grant that is voided in part, what it paid stays paid. A grant that is voided as a whole never paid anything:
    what it paid is taken from other grants, or owed. A grant that was voided in part can be voided as a whole later.

    Args:
        session: The caller commits it.
        given: The grant to void, and how.
        voided_by: The name of the API key that voids it.
        now: The time from which what is left of the grant is void.

    Returns:
        The voided grant.

    Raises:
        InvalidInput: With every problem of the input; if the license or the grant does not exist; or if the grant was
            voided before in another way.
    """
    problems = Problems()
    problems.text(given.grant, 200, "grant")
    if given.note is not None:
        problems.text(given.note, 1000, "note")
    problems.raise_if_any()
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    grant = session.get(Grant, (license_id, given.grant))
    if grant is None:
        grants = select(Grant.id).where(Grant.license_id == license_id)
        near = suggest_stored(session, given.grant, lambda: session.exec(grants).all())
        message = f"The license has no grant {shown(given.grant)}.{near}"
        raise InvalidInput([InputProblem("UNKNOWN_GRANT", message, ("grant",))])
    if grant.voided_at is not None and (grant.voided_all or not given.all):
        if (grant.voided_all, grant.void_note) == (given.all, given.note):
            return grant
        raise InvalidInput([InputProblem("ALREADY_VOIDED", _describe_void(grant), ("grant",))])
    grant.voided_at, grant.voided_by = now, voided_by
    grant.void_note, grant.voided_all = given.note, given.all
    session.add(grant)
    session.flush()
    mark_changed(session, license_id)
    zone = ZoneInfo(license.time_zone)
    granted_on = grant.granted_at.astimezone(zone).date()
    if given.all and granted_on < now.astimezone(zone).date():
        mark_late(session, {license_id: granted_on})
    schedule_now(session, license_id, now)
    return grant


def _describe_void(grant: Grant) -> str:
    """Return the sentence that refuses to void a grant in another way than it was voided before."""
    what = "As a whole" if grant.voided_all else "What was left"
    note = "without a note" if grant.void_note is None else f"with the note {shown(grant.void_note)}"
    return (
        f"{what} of the grant {shown(grant.id)} was voided at {grant.voided_at:%Y-%m-%dT%H:%M:%SZ} by "
        f"{shown(grant.voided_by)}, {note}. To give credits back, make a new grant."
    )
