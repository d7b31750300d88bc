"""Requests for credits that a grant answers."""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from core.administration.inputs import GrantInput
from core.credits.tables import CreditRequest
from core.errors import InputProblem, InvalidInput
from core.licenses.tables import Grant
from core.text import shown


def grant_for_request(given: GrantInput, request: CreditRequest) -> GrantInput:
    """Return the grant as the answer to a request, which gives the id, the meter and the entity that are left out."""
    return replace(
        given,
        id=given.id or request.id,
        meter=given.meter or request.meter,
        entity=given.entity or request.entity,
        request=request.id,
    )


def answer_request(session: Session, grant: Grant, named: str | None, now: datetime) -> None:
    """Close the request for credits that a new grant answers.

    The caller has locked the license, so that two grants never answer the same request.

    Args:
        session: The session of the grant.
        grant: The new grant.
        named: The id of the request; None for the oldest open request that the grant can
            answer, if there is one: for the same meter and entity, for no more than the grant, which is not over yet.
        now: The time of the answer.

    Raises:
        InvalidInput: The license has no open request with this id.
    """
    ours = select(CreditRequest).where(
        CreditRequest.license_id == grant.license_id, col(CreditRequest.closed_at).is_(None)
    )
    if named is None:
        same = col(CreditRequest.meter) == grant.meter, col(CreditRequest.entity).is_not_distinct_from(grant.entity)
        oldest_first = ours.where(*same).order_by(col(CreditRequest.requested_at), col(CreditRequest.id))
        is_over = grant.expires_at is not None and grant.expires_at <= now
        open_ = () if is_over else session.exec(oldest_first)
        request = next((request for request in open_ if request.amount <= grant.amount), None)
    else:
        request = session.exec(ours.where(CreditRequest.id == named)).first()
        if request is None:
            message = f"The license has no open request {shown(named)}. Ask for its creditRequests."
            raise InvalidInput([InputProblem("UNKNOWN_REQUEST", message, ("request",))])
    if request is not None:
        request.closed_by, request.closed_at = grant.id, now
        session.add(request)


def require_answered(session: Session, grant: Grant, named: str) -> None:
    """Check that a grant that exists already answered the request of this id.

    Raises:
        InvalidInput: The request does not exist, or another grant answered it.
    """
    request = session.get(CreditRequest, (grant.license_id, named))
    if request is None or request.closed_by != grant.id:
        message = f"The grant {shown(grant.id)} was made before, and not for this request. Give each grant its own id."
        raise InvalidInput([InputProblem("ID_CONFLICT", message, ("request",))])
