"""``GET /metrics``: Prometheus reads the metrics of this process, with the token of an operator."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.http.asgi import address_of, header
from api.http.callers import find_caller
from core.access.authenticator import Authenticator
from core.access.keys import Scope


class MetricsEndpoint:
    """The endpoint of Prometheus, in its text format."""

    def __init__(self, authenticator: Authenticator, registry: CollectorRegistry) -> None:
        """Serve the metrics of a registry."""
        self._authenticator = authenticator
        self._registry = registry

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        caller = await find_caller(
            self._authenticator, header(scope, b"authorization"), address_of(scope), survives_outage=True
        )
        caller.require_all_licenses(Scope.OPERATE)
        content = await run_in_threadpool(generate_latest, self._registry)
        await Response(content, media_type=CONTENT_TYPE_LATEST)(scope, receive, send)
