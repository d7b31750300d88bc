"""The requests for credits of licenses: open ones first, and of these and the others the newest first."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col

from core.credits.tables import CreditRequest

RequestCursor: TypeAlias = tuple[bool, datetime, str]
"""Whether a request is closed, when it was made, and its id."""


def list_requests(
    session: Session, licenses: Collection[int], *, most: int, after: RequestCursor | None = None
) -> dict[int, list[CreditRequest]]:
    """Of each license `most` at the most, in one statement; `after` is the place of the last one seen."""
    closed = col(CreditRequest.closed_by).is_not(None)
    at, key = col(CreditRequest.requested_at), col(CreditRequest.id)
    order = (sa.case((closed, 1), else_=0), at.desc(), key)
    place = sa.func.row_number().over(partition_by=col(CreditRequest.license_id), order_by=order)
    ranked = sa.select(col(CreditRequest.license_id), key, place.label("rank")).where(
        col(CreditRequest.license_id).in_(licenses)
    )
    if after is not None:
        was_closed, since, last = after
        later = sa.or_(at < since, sa.and_(at == since, key > last))
        ranked = ranked.where(sa.and_(closed, later) if was_closed else sa.or_(closed, later))
    rank = ranked.subquery()
    statement = (
        sa.select(CreditRequest)
        .join(rank, sa.and_(col(CreditRequest.license_id) == rank.c.license_id, key == rank.c.id))
        .where(rank.c.rank <= most)
        .order_by(*order)
    )
    found: dict[int, list[CreditRequest]] = defaultdict(list)
    for request in session.scalars(statement):
        found[request.license_id].append(request)
    return found
