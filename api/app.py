"""The web application: the list of its routes, and the parts that each endpoint uses."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from api.endpoints.check_in import CheckInEndpoint
from api.endpoints.events import EventsEndpoint
from api.endpoints.exports import ExportsEndpoint
from api.endpoints.health import HealthEndpoint, LiveEndpoint, ReadyEndpoint
from api.endpoints.metrics import MetricsEndpoint
from api.endpoints.pages import page_routes
from api.endpoints.unsubscribe import UnsubscribeEndpoint
from api.graphql.answer_cache import AnswerCache
from api.graphql.context import Services
from api.graphql.endpoint import GraphQLEndpoint
from api.graphql.operations.executions import Executions
from api.graphql.operations.run import Operations
from api.graphql.route import PATH, graphql_route
from api.graphql.subscriptions.connections import OpenConnections
from api.graphql.subscriptions.event_stream import EventStreams
from api.graphql.subscriptions.subscribe import Subscriptions
from api.graphql.subscriptions.web_socket import WebSocketEndpoint
from api.http.connection_guard import ConnectionGuard
from api.http.failures import EXCEPTION_HANDLERS
from api.http.security_headers import SecurityHeaders
from api.metrics import Metrics, PluginCollector
from api.report.endpoint import ReportEndpoint
from core.consumption.changed_licenses import ChangedLicenses
from core.consumption.changes import Changes
from core.readiness import Readiness
from core.runtime import Runtime
from core.workers.broker import Announcer


def create_app(runtime: Runtime, announcer: Announcer) -> Starlette:
    """Return the application on an open runtime.

    Endpoints are ASGI applications (see :mod:`api.http.asgi`). Each takes the parts that it uses; errors that it
    raises become responses in :mod:`api.http.failures`.

    Args:
        runtime: The parts of the process. Nothing below this function sees it whole.
        announcer: Notifies workers of refreshes that a request asks for.
    """
    settings, database, authenticator = runtime.settings, runtime.database, runtime.authenticator
    metrics = Metrics(database, settings.metric_names_per_key)
    metrics.registry.register(PluginCollector(database, runtime.registry))
    services = Services(
        settings=settings,
        database=database,
        registry=runtime.registry,
        committer=runtime.committer,
        admitter=runtime.admitter,
        measurer=runtime.measurer,
        announcer=announcer,
    )
    operations = Operations(services, runtime.tracing, metrics)
    executions = Executions(operations, settings)
    subscriptions = Subscriptions(executions, Changes(database), ChangedLicenses(database))
    connections = OpenConnections(database, settings, metrics)
    graphql = GraphQLEndpoint(
        authenticator,
        runtime.tracing,
        operations,
        executions,
        AnswerCache(database, settings.cache_per_key_mb * 2**20),
        EventStreams(operations, subscriptions, connections),
        metrics,
        max_body_bytes=settings.graphql_max_body_bytes,
    )
    graphql_socket = WebSocketEndpoint(
        authenticator, operations, executions, subscriptions, connections, most=settings.subscriptions_per_connection
    )
    events = EventsEndpoint(authenticator, runtime.committer, runtime.registry, settings)
    readiness = Readiness(database)
    report = ReportEndpoint(authenticator, operations, executions, runtime.registry.meters)
    exports = ExportsEndpoint(authenticator, database, runtime.registry, settings.exports_per_key)
    unsubscribe = UnsubscribeEndpoint(database, operations.negotiator)
    app = Starlette(
        # Routes are tried in this order, so the busiest come first.
        routes=[
            Route("/check-in", CheckInEndpoint(authenticator, runtime.admitter), methods=["POST"]),
            Route("/events", events, methods=["POST"]),
            graphql_route(graphql, settings.allowed_origins, settings.allowed_headers),
            WebSocketRoute(PATH, graphql_socket),
            Route("/livez", LiveEndpoint(), methods=["GET"]),
            Route("/readyz", ReadyEndpoint(readiness), methods=["GET"]),
            Route("/healthz", HealthEndpoint(database), methods=["GET"]),
            Route("/metrics", MetricsEndpoint(authenticator, metrics.registry), methods=["GET"]),
            Route("/exports/{kind}", exports, methods=["GET"]),
            Route("/report/{license}", report, methods=["GET", "POST"]),
            Route("/unsubscribe/{token}", unsubscribe, methods=["GET", "POST"]),
            *page_routes(graphiql=settings.graphiql),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.redirect_slashes = False  # the redirect would repeat the Host header of the caller
    app.state.connections = connections
    app.state.readiness = readiness
    app.state.guard = ConnectionGuard(settings, metrics)
    app.state.settings = settings
    return app
