"""Authentication of requests by their bearer tokens."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.http.client_network import network_of
from core.access.authenticator import Authenticator
from core.access.keys import Caller
from core.database.engine import is_away
from core.right_of_way import short_work


async def find_caller(
    authenticator: Authenticator, authorization: str | None, address: str, *, survives_outage: bool = False
) -> Caller:
    """Return the caller that an Authorization header names; needs no thread if the caller was found a moment ago.

    Args:
        authenticator: The callers of this process.
        authorization: The value of the header, None if there is none.
        address: The client's address; empty if it is not known.
        survives_outage: While the database is away, accept a caller as it was last found, up to a bound.

    Raises:
        core.errors.Unauthenticated: No key matches.
        core.errors.RateLimited: Too many unknown tokens came from the address.
    """
    known = authenticator.cached_caller(authorization)
    if known:
        return known
    look_up = _find_or_recall if survives_outage else Authenticator.find_caller
    with short_work():
        return await run_in_threadpool(look_up, authenticator, authorization, network_of(address))


def _find_or_recall(authenticator: Authenticator, authorization: str | None, address: str) -> Caller:
    try:
        return authenticator.find_caller(authorization, address)
    except SQLAlchemyError as error:
        known = authenticator.last_caller(authorization)
        if not is_away(error) or known is None:
            raise
        return known
