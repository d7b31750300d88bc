"""Whose pages a browser lets ask GraphQL: those of this server, and of the origins that the settings name."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from api.graphql.endpoint import GraphQLEndpoint
from api.graphql.operations.run import Operations
from api.graphql.subscriptions.event_stream import EventStreams
from api.metrics import Metrics
from core.runtime import Runtime


def graphql_route(runtime: Runtime, operations: Operations, metrics: Metrics, streams: EventStreams) -> Route:
    """``/graphql``, whatever the method, since the endpoint refuses with a code; CORS where origins are named.

    Cookies are never read, so no credentials are let through.
    """
    endpoint = GraphQLEndpoint(runtime, operations, metrics, streams)
    origins = runtime.settings.allowed_origins
    if not origins:
        return Route("/graphql", endpoint)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "if-none-match", "traceparent", "tracestate"],
        expose_headers=["etag", "retry-after", "traceresponse"],
        max_age=7200,
    )
    return Route("/graphql", endpoint, middleware=[cors])
