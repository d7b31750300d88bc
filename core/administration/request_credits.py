"""Requests for credits: recorded, and sent to the operators, in one transaction."""

import logging
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.access.person import Person, read_person, stored_person
from core.administration.grant_credits import credit_meters
from core.administration.inputs import CreditRequestInput
from core.administration.rules.credits import check_credit_request
from core.alerts.recipients import load_recipients
from core.consumption.snapshots import mark_changed
from core.credits.tables import CreditRequest
from core.delivery.message_kinds import CREDITS_REQUESTED
from core.delivery.messages import RequestContent, RequestItem
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import id_of
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import shown
from core.usage.entities import find_entity, list_entities

logger = logging.getLogger(__name__)

MOST_OPEN: Final = 20
"""The largest number of open requests of a license."""


def request_credits(
    session: Session,
    given: CreditRequestInput,
    registry: Registry,
    operators: Sequence[str],
    requested_by: str,
    now: datetime,
    person: Person | None = None,
) -> CreditRequest:
    """Record a request for credits, and enqueue its messages to operators, admins' webhooks and notifiers.

    An open request of the same person with the same content is returned instead of a second one, and sends no message.

    Args:
        session: The caller commits it.
        given: The request.
        registry: The installed meters and notifiers.
        operators: E-mail addresses of the operators.
        requested_by: The name of the API key that requests.
        now: The time of the request.
        person: The person of the session that requests, if any.

    Raises:
        InvalidInput: The request is wrong, nothing is known of its entity, or the license has MOST_OPEN open requests.
    """
    meter = check_credit_request(given, credit_meters(registry))
    license = named_license(session, given.license)
    license_id = id_of(license)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    entity = _known_entity(session, license_id, given.entity, today)
    lock_license(session, license_id)  # so that requests are counted one after the other
    waiting = session.exec(
        select(CreditRequest).where(CreditRequest.license_id == license_id, col(CreditRequest.closed_at).is_(None))
    ).all()
    person_id = person.id if person else None
    content = meter, given.amount, entity, given.note, person_id
    for one in waiting:
        asker = read_person(one.person)
        if (one.meter, one.amount, one.entity, one.note, asker.id if asker else None) == content:
            return one
    if len(waiting) >= MOST_OPEN:
        message = f"{MOST_OPEN} requests of this license are open. Wait until some are answered."
        raise InvalidInput([InputProblem("TOO_MANY_REQUESTS", message, ("license",))])
    request = CreditRequest(
        license_id=license_id,
        id=uuid.uuid4().hex,
        meter=meter,
        amount=given.amount,
        entity=entity,
        note=given.note,
        requested_by=requested_by,
        person=stored_person(person),
        requested_at=now,
    )
    session.add(request)
    session.flush()
    mark_changed(session, license_id)
    item = RequestItem(request.id, meter, given.amount, entity, given.note, requested_by, now, person)
    recipients = load_recipients(session, [license_id], registry.notifiers.values(), operators)
    if not operators:
        logger.warning(
            "License %s asks for %s of %s, request %s. ALLOWANCE_OPERATORS_EMAIL is not set, so nobody is written to; "
            "'allowance credits requests' lists it.",
            license.key, f"{given.amount:f}", meter, request.id,
        )  # fmt: skip
    enqueue(session, [OutboundMessage(license_id, CREDITS_REQUESTED, now, RequestContent(item))], recipients)
    return request


def _known_entity(session: Session, license_id: int, spelling: str | None, today: date) -> str | None:
    """Return the name of the entity that a request is for, or of that which took over from it; None for the license.

    Raises:
        InvalidInput: No usage and no credits of it are known, or it is closed. Credits could be used by nobody.
    """
    if spelling is None:
        return None
    entity = find_entity(session, license_id, spelling)
    if entity is None:
        known = [each.name for each in list_entities(session, license_id)]
        message = f"No usage and no credits of an entity {shown(spelling)} are known.{did_you_mean(spelling, known)}"
        raise InvalidInput([InputProblem("BAD_INPUT", message, ("entity",))])
    if entity.closed_from is not None and entity.closed_from <= today:
        if entity.into is None:
            message = f"The entity {shown(spelling)} is closed from {entity.closed_from} on, and nobody took over."
            raise InvalidInput([InputProblem("ENTITY_CLOSED", message, ("entity",))])
        return _known_entity(session, license_id, entity.into, today)
    return entity.name
