"""The requests for credits, page by page: of each of several licenses, and the open ones of all licenses."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col

from core.credits.tables import CreditRequest
from core.database.first_of_each import first_of_each, older_than

RequestCursor: TypeAlias = tuple[bool, datetime, str]
"""The place of a request in the order: whether the request is closed, when it was made, and its id."""


def list_requests(
    session: Session, licenses: Collection[int], *, most: int, after: RequestCursor | None = None
) -> dict[int, list[CreditRequest]]:
    """Return the requests of each license, open ones first and of both the newest first, in one statement.

    Args:
        session: The session to read with.
        licenses: The ids of the licenses.
        most: The largest number of requests of a license.
        after: The cursor of the last request of the page before.
    """
    is_closed = col(CreditRequest.closed_at).is_not(None)
    order = (sa.case((is_closed, 1), else_=0), col(CreditRequest.requested_at).desc(), col(CreditRequest.id))
    conditions: list[sa.ColumnElement[bool]] = [col(CreditRequest.license_id).in_(licenses)]
    if after is not None:
        was_closed, requested_at, last = after
        older = older_than(CreditRequest.requested_at, CreditRequest.id, (requested_at, last))
        conditions.append(sa.and_(is_closed, older) if was_closed else sa.or_(is_closed, older))
    requests: dict[int, list[CreditRequest]] = defaultdict(list)
    for request in session.scalars(first_of_each(CreditRequest, CreditRequest.license_id, order, most, *conditions)):
        requests[request.license_id].append(request)
    return requests


def list_open_requests(
    session: Session, *, most: int, after: tuple[datetime, str] | None = None
) -> Sequence[CreditRequest]:
    """Return the open requests of all licenses together, oldest first.

    Args:
        session: The session to read with.
        most: The largest number of requests.
        after: The time and the id of the last request of the page before.
    """
    requested_at, key = col(CreditRequest.requested_at), col(CreditRequest.id)
    statement = sa.select(CreditRequest).where(col(CreditRequest.closed_at).is_(None))
    if after is not None:
        at, last = after
        newer = sa.or_(requested_at > at, sa.and_(requested_at == at, key > last))
        statement = statement.where(requested_at >= at, newer)
    return session.scalars(statement.order_by(requested_at, key).limit(most)).all()
