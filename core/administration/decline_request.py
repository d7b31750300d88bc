"""Declining a request for credits. Declining it again with the same reason changes nothing."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from allowance import Notifier
from sqlmodel import Session

from core.access.person import read_person
from core.administration.inputs import DeclineInput
from core.administration.rules.problems import Problems
from core.alerts.recipients import load_recipients
from core.consumption.snapshots import mark_changed
from core.credits.tables import CreditRequest
from core.delivery.message_kinds import CREDITS_DECLINED
from core.delivery.messages import DeclinedContent, RequestItem
from core.delivery.outbox.enqueue import OutboundMessage, enqueue
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import id_of
from core.text import shown

LONGEST_REASON: Final = 500


def decline_request(
    session: Session, given: DeclineInput, notifiers: Collection[Notifier], declined_by: str, now: datetime
) -> CreditRequest:
    """Close a request for credits without a grant, and enqueue the messages that state the reason.

    The admins of the license get an e-mail. Webhook endpoints and notifiers that receive the kind get a message.

    Args:
        session: The caller commits it.
        given: The request and the reason.
        notifiers: The installed notifiers.
        declined_by: The name of the API key that declines.
        now: The time of the answer.

    Returns:
        The declined request.

    Raises:
        InvalidInput: With every problem of the input; if the license or the request does not exist; or if the request
            was answered before in another way.
    """
    problems = Problems()
    problems.text(given.request, 200, "request")
    problems.text(given.reason, LONGEST_REASON, "reason")
    problems.raise_if_any()
    license_id = id_of(named_license(session, given.license))
    lock_license(session, license_id)  # so that no grant answers the request meanwhile
    request = session.get(CreditRequest, (license_id, given.request), populate_existing=True)
    if request is None:
        message = f"The license has no request {shown(given.request)}. Ask for its creditRequests."
        raise InvalidInput([InputProblem("UNKNOWN_REQUEST", message, ("request",))])
    if request.closed_at is not None:
        if request.declined_because == given.reason:
            return request
        raise InvalidInput([InputProblem("ALREADY_ANSWERED", _describe_answer(request), ("request",))])
    request.closed_at, request.declined_by, request.declined_because = now, declined_by, given.reason
    session.add(request)
    session.flush()
    mark_changed(session, license_id)
    item = RequestItem(
        request.id,
        request.meter,
        request.amount,
        request.entity,
        request.note,
        request.requested_by,
        request.requested_at,
        read_person(request.person),
    )
    outbound = OutboundMessage(license_id, CREDITS_DECLINED, now, DeclinedContent(item, given.reason))
    enqueue(session, [outbound], load_recipients(session, [license_id], notifiers))
    return request


def _describe_answer(request: CreditRequest) -> str:
    """Return the sentence that refuses to answer a request a second time."""
    how = (
        f"declined by {shown(request.declined_by)}, with the reason {shown(request.declined_because)}"
        if request.declined_because is not None
        else f"answered by the grant {shown(request.closed_by)}"
    )
    return f"The request {shown(request.id)} was {how}, at {request.closed_at:%Y-%m-%dT%H:%M:%SZ}."
