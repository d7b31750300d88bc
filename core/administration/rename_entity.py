"""Renaming an entity for people. Its old names stay names of it, and usage may use the new one."""

from datetime import datetime

from sqlmodel import Session

from core.administration.close_entity import named_entity
from core.administration.inputs import RenamingInput
from core.administration.rules.problems import Problems
from core.consumption.snapshots import mark_changed
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import id_of
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.entities import add_spelling
from core.usage.tables import Entity


def rename_entity(session: Session, given: RenamingInput, renamed_by: str, now: datetime) -> Entity:
    """Give an entity another name for people, and make the license's refresh due, which shows it.

    Args:
        session: The caller commits it.
        given: The entity and its new name.
        renamed_by: The name of the API key that renames the entity.
        now: The time of the change.

    Returns:
        The entity.

    Raises:
        InvalidInput: With every problem of the input; if the license or the entity does not exist; or if the name is
            that of another entity.
    """
    problems = Problems()
    problems.name(given.entity, "entity")
    problems.name(given.name, "name")
    problems.raise_if_any()
    license_id = id_of(named_license(session, given.license))
    lock_license(session, license_id)
    entity = named_entity(session, license_id, given.entity)
    if add_spelling(session, license_id, given.name, entity.name) != entity.name:
        message = f"{shown(given.name)} is another entity. To join the two, close one of them into the other."
        raise InvalidInput([InputProblem("ENTITY_EXISTS", message, ("name",))])
    label = None if given.name == entity.name else given.name
    if entity.label == label:
        return entity
    entity.label, entity.changed_by, entity.changed_at = label, renamed_by, now
    session.add(entity)
    session.flush()
    mark_changed(session, license_id)
    schedule_now(session, license_id, now)
    return entity
