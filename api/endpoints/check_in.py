"""``POST /check-in``: an installation of a product asks for a place in a quota."""

import asyncio
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from api.concurrency.thread_results import ThreadResults
from api.http.asgi import address_of, header, send_json
from api.http.bodies import read_whole_body
from api.http.callers import find_caller
from core.access.authenticator import Authenticator
from core.admission.admitter import ANSWER_SECONDS, Admitter
from core.admission.check_in import CheckIn
from core.admission.outage import no_answer
from core.errors import BadInput

LARGEST: Final = 16_384
"""Bytes of the largest body that is read."""


class CheckInEndpoint:
    """The endpoint of check-ins: 200 once a place is committed, 429 to back off, 403 if the license serves nobody.

    Installations of a product call it by the million.
    """

    def __init__(self, authenticator: Authenticator, admitter: Admitter) -> None:
        """Serve the installations of all licenses; `admitter` decides."""
        self._authenticator = authenticator
        self._admitter = admitter
        self._results = ThreadResults[CheckIn]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        check_in = await self._check_in(scope, receive)
        body = orjson.dumps(as_json(check_in))
        if check_in.back_off is None:
            await send_json(send, 200 if check_in.has_place else 403, body)
            return
        wait = ceil((check_in.back_off.retry_at - datetime.now(UTC)).total_seconds())
        await send_json(send, 429, body, [(b"retry-after", b"%d" % max(wait, 1))])

    async def _check_in(self, scope: Scope, receive: Receive) -> CheckIn:
        admitter = self._admitter
        # The token comes first: nobody without one makes this read a body. A known installation is served by what
        # this process remembers of it, also while the database is away.
        caller = await find_caller(
            self._authenticator, header(scope, b"authorization"), address_of(scope), survives_outage=True
        )
        request = admitter.quota_meters.check(caller, _parse(await read_whole_body(scope, receive, LARGEST)))
        if remembered := admitter.answer_from_memory(request):
            return remembered
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._results.of(admitter.submit(request))
        except TimeoutError:
            raise no_answer() from None


def as_json(check_in: CheckIn) -> dict[str, Any]:
    """Return a check-in's result with the fields of CheckIn in the GraphQL schema."""
    back_off = check_in.back_off
    return {
        "decision": check_in.decision,
        "backOffDays": back_off.days if back_off else None,
        "retryAt": back_off.retry_at.isoformat().replace("+00:00", "Z") if back_off else None,
        "quota": check_in.quota,
        "remaining": check_in.remaining,
        "outage": check_in.outage,
        "reason": check_in.reason,
    }


def _parse(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise BadInput('The body must be a JSON object, as {"license": "acme", "installation": "…"}.')
    return document
