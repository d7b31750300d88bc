"""``GET /healthz``: load balancers and supervisors ask whether this process can serve."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.http.asgi import send_json
from core.database.engine import Database
from core.errors import Unavailable


class HealthEndpoint:
    """The endpoint of health checks: 200 while the database answers, else 503."""

    def __init__(self, database: Database) -> None:
        """Check the database of the process."""
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await run_in_threadpool(self._query)
        except SQLAlchemyError:
            raise Unavailable("The database does not answer.") from None
        await send_json(send, 200, b'{"status":"ok"}')

    def _query(self) -> None:
        with self._database.read() as session:
            session.execute(text("SELECT 1"))
