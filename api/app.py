"""The web application: which path is answered by what."""

import logging
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from api.cors import graphql_route
from api.endpoints.check_in import CheckInEndpoint
from api.endpoints.events import EventsEndpoint
from api.endpoints.unsubscribe import UnsubscribePage
from api.graphql.operations.run import Operations
from api.graphql.subscriptions.connections import Connections
from api.graphql.subscriptions.event_stream import EventStreams
from api.graphql.subscriptions.subscribe import Subscriptions
from api.graphql.subscriptions.web_socket import GraphQLSocket
from api.http.bodies import JsonResponse, error_response
from api.http.callers import caller_of
from api.metrics import Metrics
from core.access.keys import Scope
from core.consumption.changes import Changes
from core.database.engine import is_away
from core.errors import AllowanceError, Unavailable
from core.runtime import Runtime
from core.workers.broker import Announcer

logger = logging.getLogger(__name__)

GRAPHIQL: Final = Path(__file__).parent / "pages" / "graphiql"
_PAGE_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # The editor writes its styles into the page; everything else comes from files of this server.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(runtime: Runtime, announcer: Announcer) -> Starlette:
    """The application on an open runtime; `announcer` tells the workers of refreshes that are asked for."""

    async def healthz(_: Request) -> Response:
        """Whether the database answers."""
        try:
            await run_in_threadpool(_ask_database, runtime)
        except SQLAlchemyError:
            return error_response(Unavailable("The database does not answer."))
        return JsonResponse({"status": "ok"})

    async def graphiql(_: Request) -> Response:
        return FileResponse(GRAPHIQL / "index.html", headers=_PAGE_HEADERS)

    async def root(_: Request) -> Response:
        return RedirectResponse("/graphiql")

    async def metrics_page(request: Request) -> Response:
        """What Prometheus reads, with the token of an operator."""
        try:
            caller = await caller_of(runtime.authenticator, request.headers.get("authorization"))
            caller.require_all_licenses(Scope.OPERATE)
        except AllowanceError as error:
            return error_response(error)
        return Response(await run_in_threadpool(generate_latest, metrics.registry), media_type=CONTENT_TYPE_LATEST)

    metrics = Metrics(runtime.database)
    operations = Operations(runtime, announcer, metrics)
    subscriptions = Subscriptions(operations, Changes(runtime.database))
    connections = Connections(runtime.database, runtime.settings)
    page = [
        Route("/", root),
        Route("/graphiql", graphiql),
        Route("/graphiql/", graphiql),
        Mount("/graphiql/assets", StaticFiles(directory=GRAPHIQL / "assets")),
    ]
    app = Starlette(
        # They are tried in this order, so what is asked most comes first.
        routes=[
            Route("/check-in", CheckInEndpoint(runtime), methods=["POST"]),
            Route("/events", EventsEndpoint(runtime), methods=["POST"]),
            graphql_route(runtime, operations, metrics, EventStreams(operations, subscriptions, connections)),
            WebSocketRoute("/graphql", GraphQLSocket(runtime, operations, subscriptions, connections)),
            Route("/healthz", healthz),
            Route("/metrics", metrics_page),
            Route("/unsubscribe/{token}", UnsubscribePage(runtime).answer, methods=["GET", "POST"]),
            *(page if runtime.settings.graphiql else ()),
        ],
        exception_handlers={SQLAlchemyError: _database_failed, ClientDisconnect: _nobody_there},
    )
    app.state.connections = connections
    return app


async def _nobody_there(_: Request, __: Exception) -> Response:
    """Whoever sent the body went away before its end: nothing was done, and nobody reads the answer."""
    return Response(status_code=400)


async def _database_failed(_: Request, error: Exception) -> Response:
    """A database that is away is nobody's fault but ours, and passes. Anything else is a fault, and is masked."""
    logger.error("the database failed", exc_info=error)
    if not is_away(error):
        return JsonResponse({"error": {"code": "INTERNAL", "message": "This went wrong on the server."}}, 500)
    return error_response(
        Unavailable("The database does not answer now. Send it again: what was recorded already is not counted twice.")
    )


def _ask_database(runtime: Runtime) -> None:
    with runtime.database.read() as session:
        session.execute(text("SELECT 1"))
