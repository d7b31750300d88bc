"""Closing an entity from a day on, or merging it into another. Closing it again in the same way changes nothing."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, update

from core.administration.inputs import ClosingInput
from core.administration.rules.problems import EARLIEST, LATEST, Problems
from core.consumption.snapshots import mark_changed
from core.database.suggestions import suggest_stored
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import License, id_of
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.entities import find_entity, list_entities, name_entities
from core.usage.late_usage import mark_late
from core.usage.tables import Entity


def close_entity(session: Session, given: ClosingInput, closed_by: str, now: datetime) -> Entity:
    """Close an entity from a day on, and make the license's refresh due.

    From that day on the entity is no part of levels. What it has counted stays counted. Later usage that names it goes
    to the entity `into`, which has its credits and debts as well; without one it is rejected. An entity that is closed
    already is closed from the new day and into the new entity instead.

    Args:
        session: The caller commits it.
        given: The entity, the day, and the entity that takes over. That one is inserted if it is new.
        closed_by: The name of the API key that closes the entity.
        now: The time of the change.

    Returns:
        The closed entity.

    Raises:
        InvalidInput: With every problem of the input; if the license or the entity does not exist; if the entity would
            be merged into itself, also by way of others; or if `into` is closed by that day.
    """
    problems = Problems()
    problems.name(given.entity, "entity")
    if given.into is not None:
        problems.name(given.into, "into")
    if not EARLIEST <= given.from_ < LATEST:
        problems.add(f"from must be from {EARLIEST} to before {LATEST}.", "from")
    problems.raise_if_any()
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    entity = named_entity(session, license_id, given.entity)
    into = None
    if given.into is not None:
        into = name_entities(session, [(license_id, given.into)])[license_id, given.into]
        _check_successor(entity, into, given, {each.name: each for each in list_entities(session, license_id)})
    if (entity.closed_from, entity.into) == (given.from_, into):
        return entity
    first = min(given.from_, entity.closed_from or given.from_)
    entity.closed_from, entity.into = given.from_, into
    entity.changed_by, entity.changed_at = closed_by, now
    session.add(entity)
    session.flush()
    statement = update(License).where(col(License.id) == license_id)
    session.execute(statement.values(closings=col(License.closings) + 1))
    mark_changed(session, license_id)
    if first < now.astimezone(ZoneInfo(license.time_zone)).date():
        mark_late(session, {license_id: first})
    schedule_now(session, license_id, now)
    return entity


def named_entity(session: Session, license_id: int, spelling: str) -> Entity:
    """Return the entity that an input names.

    Raises:
        InvalidInput: No usage and no credits have named it.
    """
    entity = find_entity(session, license_id, spelling)
    if entity is None:
        near = suggest_stored(session, spelling, lambda: [each.name for each in list_entities(session, license_id)])
        message = f"The license has no entity {shown(spelling)}.{near}"
        raise InvalidInput([InputProblem("UNKNOWN_ENTITY", message, ("entity",))])
    return entity


def _check_successor(entity: Entity, into: str, given: ClosingInput, known: Mapping[str, Entity]) -> None:
    """Raise InvalidInput if usage of an entity could not go to `into` from the day on."""
    name: str | None = into
    while name is not None:
        if name == entity.name:
            message = f"{shown(given.into)} is, or is merged into, the entity {shown(given.entity)} itself."
            raise InvalidInput([InputProblem("BAD_INPUT", message, ("into",))])
        after = known[name]
        if after.into is None and after.closed_from is not None and after.closed_from <= given.from_:
            message = f"The entity {shown(after.name)} is closed from {after.closed_from} on. Name one that is open."
            raise InvalidInput([InputProblem("ENTITY_CLOSED", message, ("into",))])
        name = after.into
