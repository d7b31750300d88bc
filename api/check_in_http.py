"""``POST /check-in``: an installation calls home."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.arrivals import Arrivals
from api.bodies import error_response, read_body
from core.access.keys import Caller
from core.admission.admitter import PATIENCE, no_answer
from core.admission.check_in import CheckIn
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput
from core.runtime import Runtime

LARGEST: Final = 16_384
"""Bytes of a body."""
_Header = tuple[bytes, bytes]
_JSON: Final = (b"content-type", b"application/json")


class CheckInEndpoint:
    """Answers 200 to whoever has a place, once that is committed, and 429 to whoever has to back off.

    It is an ASGI application: of what a product's installations call by the million, half of the time would go
    into objects that stand for requests and responses.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._authenticator = runtime.authenticator
        self._admitter = runtime.admitter
        self._arrivals = Arrivals[CheckIn]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = await self._answer(scope, receive)
        except AllowanceError as error:
            await error_response(error)(scope, receive, send)
            return
        status, headers = 200, [_JSON]
        if found.back_off:
            wait = ceil((found.back_off.retry_at - datetime.now(UTC)).total_seconds())
            status, headers = 429, [_JSON, (b"retry-after", b"%d" % max(wait, 1))]
        await _send(send, status, headers, orjson.dumps(as_json(found)))

    async def _answer(self, scope: Scope, receive: Receive) -> CheckIn:
        admitter = self._admitter
        # First the token: nobody else makes this read a body.
        authorization = _authorization(scope)
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


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body; in one piece, as it comes, or else with all that a body may have."""
    message = await receive()
    packed = any(name == b"content-encoding" for name, _ in scope["headers"])
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and not packed and len(body) <= LARGEST:
        return body
    pending = [message]

    async def again() -> Any:
        return pending.pop() if pending else await receive()

    return await read_body(Request(scope, again), LARGEST)


def _read(body: bytes) -> dict[str, object]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise BadInput('The body must be a JSON object, as {"license": "acme", "installation": "…"}.')
    return given


async def _send(send: Send, status: int, headers: Sequence[_Header], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
