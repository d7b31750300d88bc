"""Who calls, by the token of a request."""

from starlette.concurrency import run_in_threadpool

from core.access.authenticator import Authenticator
from core.access.keys import Caller


async def caller_of(authenticator: Authenticator, authorization: str | None) -> Caller:
    """The caller, without a thread where it was found a moment ago. Raises :class:`core.errors.Unauthenticated`."""
    known = authenticator.remembered(authorization)
    return known if known else await run_in_threadpool(authenticator.caller, authorization)
