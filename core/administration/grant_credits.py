"""Granting credits. Granting the same id again changes nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from allowance import Credits
from sqlmodel import Session, col, select

from core.administration.answer_request import answer_request, require_answered
from core.administration.inputs import GrantInput
from core.administration.rules.credits import check_grant
from core.consumption.snapshots import mark_changed
from core.database.dialect import insert_into
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import Grant, id_of
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.entities import name_entities
from core.usage.late_usage import mark_late
from core.usage.tables import Entity


def grant_credits(session: Session, given: GrantInput, registry: Registry, now: datetime) -> Grant:
    """Grant credits, answer the request for them, and make the license's refresh due.

    Granting the same id twice grants once. The grant answers the request that it names, or else the oldest open request
    that it can answer.

    Args:
        session: The caller commits it.
        given: The grant.
        registry: The installed meters of credits.
        now: The time of the grant, unless the grant states its own.

    Returns:
        The new grant, or the known grant with this id and content.

    Raises:
        InvalidInput: With every problem of the input; if the license does not exist; or if another grant has the id.
    """
    meter = check_grant(given, credit_meters(registry), now)
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    grant = Grant(
        license_id=license_id,
        id=given.id,
        meter=meter,
        amount=given.amount,
        entity=_name_entity(session, license_id, given.entity),
        granted_at=given.granted_at or now,
        expires_at=given.expires_at,
        note=given.note,
    )
    inserted = session.execute(
        insert_into(session, Grant).values(grant.model_dump()).on_conflict_do_nothing().returning(col(Grant.id))
    ).first()
    if inserted is None:
        known = session.exec(select(Grant).where(Grant.license_id == license_id, Grant.id == given.id)).one()
        grant.granted_at = given.granted_at or known.granted_at
        # Voiding a grant is no part of its content: a retry finds the grant as it is.
        grant.voided_at, grant.voided_by = known.voided_at, known.voided_by
        grant.void_note, grant.voided_all = known.void_note, known.voided_all
        if known.model_dump() != grant.model_dump():
            message = f"A grant {shown(given.id)} was made before with other content. Give each grant its own id."
            raise InvalidInput([InputProblem("ID_CONFLICT", message, ("id",))])
        if given.request is not None:
            require_answered(session, known, given.request)
        return known
    _require_usable(session, license.time_zone, grant)
    mark_changed(session, license_id)
    answer_request(session, grant, given.request, now)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    granted_on = grant.granted_at.astimezone(ZoneInfo(license.time_zone)).date()
    if granted_on < today:
        mark_late(session, {license_id: granted_on})
    schedule_now(session, license_id, now)
    return grant


def _name_entity(session: Session, license_id: int, spelling: str | None) -> str | None:
    """Return the name of the entity that a grant is for. A new entity is inserted: credits may come before usage."""
    if spelling is None:
        return None
    return name_entities(session, [(license_id, spelling)])[license_id, spelling]


def _require_usable(session: Session, time_zone: str, grant: Grant) -> None:
    """Check that the entity of a new grant is open on its first day, or that another entity took over from it.

    Raises:
        InvalidInput: The entity is closed, so that nobody could use the credits.
    """
    entity = None if grant.entity is None else session.get(Entity, (grant.license_id, grant.entity))
    if entity is None or entity.closed_from is None or entity.into is not None:
        return
    if entity.closed_from <= grant.granted_at.astimezone(ZoneInfo(time_zone)).date():
        message = f"The entity {shown(grant.entity)} is closed from {entity.closed_from} on, and nobody took over."
        raise InvalidInput([InputProblem("ENTITY_CLOSED", message, ("entity",))])


def credit_meters(registry: Registry) -> list[str]:
    """Return the keys of the meters to which credits can be granted."""
    return [key for key, meter in registry.meters.items() if isinstance(meter, Credits)]
