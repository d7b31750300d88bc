"""The pages for people, each built from its source under api/pages and served without another host.

``/consumption`` is the page "My consumption", a shell around the element of ``/elements``; ``/operator`` lists licenses
for operators; ``/graphiql`` is an editor for the GraphQL API.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGES: Final = Path(__file__).parents[1] / "pages"
GRAPHIQL: Final = _PAGES / "graphiql"
CONSUMPTION: Final = _PAGES / "consumption"
OPERATOR: Final = _PAGES / "operator" / "built"
ELEMENTS: Final = _PAGES / "element" / "built"
STABLE_NAME: Final = "allowance.js"
"""The file of the elements by the name that pages of others name. It leads to the file named after its content."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STRICT_HEADERS: Final = _HEADERS | {"Content-Security-Policy": _POLICY + "style-src 'self'"}
_GRAPHIQL_HEADERS: Final = _HEADERS | {
    # The editor writes its styles into the page; everything else comes from files of this server.
    "Content-Security-Policy": _POLICY + "style-src 'self' 'unsafe-inline'; font-src 'self'; worker-src 'self'",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def page_routes(*, graphiql: bool) -> Sequence[BaseRoute]:
    """Return the routes of the pages, and of GraphiQL if it is to be served."""
    routes: list[BaseRoute] = [
        Route("/", RedirectResponse("/consumption"), methods=["GET"]),
        *_page("/consumption", CONSUMPTION / "index.html", _STRICT_HEADERS),
        _files("/consumption/assets", CONSUMPTION / "assets"),
        _files("/elements", ELEMENTS),
        *_page("/operator", OPERATOR / "index.html", _STRICT_HEADERS),
        _files("/operator/assets", OPERATOR / "assets"),
    ]
    if graphiql:
        routes += [
            *_page("/graphiql", GRAPHIQL / "index.html", _GRAPHIQL_HEADERS),
            _files("/graphiql/assets", GRAPHIQL / "assets"),
        ]
    return routes


def _page(path: str, file: Path, headers: Mapping[str, str]) -> list[Route]:
    return [Route(each, _Page(file, headers), methods=["GET"]) for each in (path, f"{path}/")]


def _files(path: str, directory: Path) -> Mount:
    return Mount(path, StaticFiles(directory=directory), middleware=[Middleware(GZipMiddleware), Middleware(_Kept)])


class _Page:
    """The endpoint of a page. Its scripts and styles are static files."""

    def __init__(self, file: Path, headers: Mapping[str, str]) -> None:
        self._file, self._headers = file, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await FileResponse(self._file, headers=self._headers)(scope, receive, send)


class _Kept:
    """Adds the headers of static files: those whose names change with their content may be kept for ever.

    Pages of every origin may load them (CORS), as they are the same for everybody.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = "no-cache" if scope["path"].endswith(f"/{STABLE_NAME}") else _FOR_EVER

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206, 304):
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = kept
                headers["Access-Control-Allow-Origin"] = "*"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_headers)
