"""``POST /check-in``: an installation calls home."""

import asyncio
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.concurrency.thread_results import ThreadResults
from api.http.asgi import header, in_one_piece, send_json
from api.http.bodies import error_response, read_body
from core.access.keys import Caller
from core.admission.admitter import PATIENCE, no_answer
from core.admission.check_in import CheckIn
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput
from core.runtime import Runtime

LARGEST: Final = 16_384
"""Bytes of a body."""


class CheckInEndpoint:
    """Answers 200 to whoever has a place, once that is committed, and 429 to whoever has to back off.

    It is an ASGI application, see :mod:`api.http.asgi`: a product's installations call it by the million.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._authenticator = runtime.authenticator
        self._admitter = runtime.admitter
        self._arrivals = ThreadResults[CheckIn]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = await self._answer(scope, receive)
        except AllowanceError as error:
            await error_response(error)(scope, receive, send)
            return
        answer = orjson.dumps(as_json(found))
        if found.back_off is None:
            await send_json(send, 200, answer)
            return
        wait = ceil((found.back_off.retry_at - datetime.now(UTC)).total_seconds())
        await send_json(send, 429, answer, [(b"retry-after", b"%d" % max(wait, 1))])

    async def _answer(self, scope: Scope, receive: Receive) -> CheckIn:
        admitter = self._admitter
        # First the token: nobody else makes this read a body.
        authorization = header(scope, b"authorization")
        caller = self._authenticator.remembered(authorization)
        if caller is None:
            caller = await run_in_threadpool(self._caller, authorization)
        asked = admitter.doors.check(caller, _read(await _body(scope, receive)))
        if found := admitter.remembered(asked):
            return found
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._arrivals.of(admitter.submit(asked))
        except TimeoutError:
            raise no_answer() from None

    def _caller(self, authorization: str | None) -> Caller:
        """Whoever was found before passes while the database is away: it decides on the installation alone."""
        try:
            return self._authenticator.caller(authorization)
        except SQLAlchemyError as error:
            known = self._authenticator.last_found(authorization)
            if not is_away(error) or known is None:
                raise
            return known


def as_json(found: CheckIn) -> dict[str, Any]:
    """The answer, as CheckIn of the GraphQL schema."""
    back_off = found.back_off
    return {
        "decision": found.decision,
        "backOffDays": back_off.days if back_off else None,
        "retryAt": back_off.retry_at.isoformat().replace("+00:00", "Z") if back_off else None,
        "quota": found.quota,
        "remaining": found.remaining,
        "outage": found.outage,
    }


async def _body(scope: Scope, receive: Receive) -> bytes:
    body = await in_one_piece(scope, receive, LARGEST)
    return body if isinstance(body, bytes) else await read_body(body, LARGEST)


def _read(body: bytes) -> dict[str, object]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise BadInput('The body must be a JSON object, as {"license": "acme", "installation": "…"}.')
    return given
