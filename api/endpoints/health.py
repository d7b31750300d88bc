"""Probes: load balancers and supervisors ask whether this process lives, and whether it can serve."""

import asyncio
from typing import Final

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.http.asgi import send_json
from core.database.engine import Database
from core.errors import Unavailable
from core.readiness import Readiness, document_of

_OK: Final = orjson.dumps(document_of(None))


class HealthEndpoint:
    """``GET /healthz``: 200 while the database answers, else 503."""

    def __init__(self, database: Database) -> None:
        """Check the database of the process."""
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await run_in_threadpool(self._query)
        except SQLAlchemyError:
            raise Unavailable("The database does not answer.") from None
        await send_json(send, 200, _OK)

    def _query(self) -> None:
        with self._database.read() as session:
            session.execute(text("SELECT 1"))


class LiveEndpoint:
    """``GET /livez``: 200 while the process answers at all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await send_json(send, 200, _OK)


class ReadyEndpoint:
    """``GET /readyz``: 200 while the work of requests succeeds, else 503 with the code of the check that failed."""

    def __init__(self, readiness: Readiness) -> None:
        """Show the readiness of the process."""
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        check = self._readiness.check()
        try:
            async with asyncio.timeout(check.remaining()):
                reason = check.result.result() if check.result.done() else await asyncio.wrap_future(check.result)
        except TimeoutError:
            reason = check.step
        await send_json(send, 200 if reason is None else 503, orjson.dumps(document_of(reason)))
