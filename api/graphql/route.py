"""The route of GraphQL over HTTP, and the origins of other servers whose pages may call it (CORS)."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route

from api.graphql.endpoint import GraphQLEndpoint
from api.http.failures import error_response
from core.errors import BadInput

PATH: Final = "/graphql"


_HEADERS: Final = ("authorization", "content-type", "if-none-match", "traceparent", "tracestate")


class PreflightRefused(BadInput):
    """A preflight request of a page that may not call the API, or not so."""

    code = "CORS_REFUSED"


class _Cors(CORSMiddleware):
    """CORS whose refusals are in the form of all other errors."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        what = bytes(response.body).decode()
        refusal = error_response(PreflightRefused(f"{what}. An operator allows more by ALLOWANCE_CORS_ORIGINS."))
        refusal.headers.update({name: value for name, value in response.headers.items() if "content" not in name})
        return refusal


def graphql_route(endpoint: GraphQLEndpoint, allowed_origins: list[str], allowed_headers: list[str]) -> Route:
    """Return the route, with CORS if there are allowed origins.

    All methods reach the endpoint, since its refusals carry a code. Cookies are never read, so browsers send no
    credentials.

    Args:
        endpoint: The endpoint.
        allowed_origins: Origins such as https://portal.example whose pages may call the API from a browser.
        allowed_headers: Headers that these pages may send beside those that the API reads.
    """
    if not allowed_origins:
        return Route(PATH, endpoint)
    cors = Middleware(
        _Cors,
        allow_origins=allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=[*_HEADERS, *allowed_headers],
        expose_headers=["etag", "retry-after", "traceresponse"],
        max_age=7200,
    )
    return Route(PATH, endpoint, middleware=[cors])
