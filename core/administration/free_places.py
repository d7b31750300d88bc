"""Freeing places of a hard quota that made-up installations took, with a record of who freed them and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from allowance import Admission
from sqlmodel import Session, col

from core.administration.inputs import FreeingInput
from core.administration.rules.problems import Problems
from core.admission import taken_places
from core.admission.identifiers import MAX_LENGTH, digest, stored_identifier
from core.admission.quota import Quota, quota_at
from core.admission.quota_state import newest_windows
from core.admission.tables import AdmissionRegister, FreedPlaces, Installation
from core.admission.taken_places import TakenPlace
from core.admission.window import Window
from core.consumption.snapshots import mark_changed
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.load import load_licenses
from core.licenses.tables import id_of
from core.queue.queue import schedule_now
from core.usage.late_usage import mark_late

MAX_FREED: Final = 10_000
"""Places that are freed in one transaction at most, so that check-ins do not wait for long."""


def find_places(session: Session, given: FreeingInput, meter: Admission, now: datetime) -> Sequence[TakenPlace]:
    """Return the places that an input names, none if there are none, and lock their rows in a writing session.

    Raises:
        InvalidInput: With every problem of the input; if the license does not exist; or for more than MAX_FREED places.
    """
    _check(given)
    return _find(session, given, id_of(named_license(session, given.license)), meter, now)[1]


def free_places(
    session: Session, given: FreeingInput, meter: Admission, freed_by: str, now: datetime
) -> FreedPlaces | None:
    """Free places in the present window, record that, and make the license's refresh due.

    Installations whose place is freed may check in again: they get a place if one is left.

    Args:
        session: The caller commits it.
        given: The places to free.
        meter: The meter with the hard quota.
        freed_by: The name of the API key or the user who frees them.
        now: The time of the change.

    Returns:
        The record, or None if no installation that the input names has a place: nothing changes then.

    Raises:
        InvalidInput: With every problem of the input; if the license does not exist; or for more than MAX_FREED places.
    """
    _check(given)
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    quota, places = _find(session, given, license_id, meter, now)
    if not places:
        return None
    first_day = taken_places.free_places(session, quota, places)
    register = session.get_one(AdmissionRegister, (license_id, meter.key))
    register.generation += 1
    identifier = None if given.installation is None else stored_identifier(given.installation, quota.terms)
    record = FreedPlaces(
        license_id=license_id, meter=meter.key, generation=register.generation, starts_at=quota.window.start,
        freed_at=now, freed_by=freed_by, note=given.note, freed=len(places), identifier=identifier,
        first_seen_from=given.first_seen_from, first_seen_before=given.first_seen_before,
    )  # fmt: skip
    session.add_all([register, record])
    session.flush()
    # The version that readers see adds up the places of the windows, and must increase.
    mark_changed(session, license_id, by=len(places) + 1)
    if first_day < now.astimezone(ZoneInfo(license.time_zone)).date():
        mark_late(session, {license_id: first_day})
    schedule_now(session, license_id, now)
    return record


def _check(given: FreeingInput) -> None:
    problems = Problems()
    since, before = given.first_seen_from, given.first_seen_before
    if given.installation is not None:
        if not 0 < len(given.installation) <= MAX_LENGTH:
            problems.add(f"installation must have 1 to {MAX_LENGTH} characters.", "installation")
        if since is not None or before is not None:
            problems.add("Name an installation, or the time in which installations were first seen.", "installation")
    elif since is None or before is None:
        message = "Name an installation, or both ends of the time in which installations were first seen."
        problems.add(message, "installation")
    elif since >= before:
        problems.add("firstSeenBefore must be later than firstSeenFrom.", "firstSeenBefore")
    if given.note is not None:
        problems.text(given.note, 1000, "note")
    problems.raise_if_any()


def _find(
    session: Session, given: FreeingInput, license_id: int, meter: Admission, now: datetime
) -> tuple[Quota, Sequence[TakenPlace]]:
    """Return the quota with its present window, and the places in it that the input names."""
    row = newest_windows(session, [license_id], now).get((license_id, meter.key))
    latest = Window(row.starts_at, row.ends_at, row.time_zone) if row else None
    quota = quota_at(load_licenses(session, [license_id], now)[license_id], meter, now, latest)
    which: list[sa.ColumnElement[bool]]
    if given.installation is None:
        first_seen = col(Installation.first_seen)
        which = [first_seen >= given.first_seen_from, first_seen < given.first_seen_before]
    else:
        register = session.get(AdmissionRegister, (license_id, meter.key))
        if register is None:  # no installation has checked in yet
            return quota, []
        which = [col(Installation.digest) == digest(given.installation, register.secret)]
    places = taken_places.find_places(session, quota, *which, most=MAX_FREED + 1)
    if len(places) > MAX_FREED:
        message = f"More than {MAX_FREED:,} places were taken in that time. Free them in shorter parts."
        raise InvalidInput([InputProblem("TOO_MANY_PLACES", message, ("firstSeenBefore",))])
    return quota, places
