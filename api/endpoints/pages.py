"""The pages for people, each built from its source under api/pages and served without another host.

``/consumption`` is the page "My consumption", a shell around the element of ``/elements``; ``/operator`` lists licenses
for operators; ``/graphiql`` is an editor for the GraphQL API.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
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
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action %s; script-src 'self'%s; style-src 'self'%s"
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def page_routes(*, graphiql: bool) -> Sequence[BaseRoute]:
    """Return the routes of the pages, and of GraphiQL if it is to be served."""
    routes: list[BaseRoute] = [
        Route("/", RedirectResponse("/consumption"), methods=["GET"]),
        # Its form leads to the report of the license.
        *_page("/consumption", CONSUMPTION, _policy(CONSUMPTION, form_action="'self'")),
        _files("/elements", ELEMENTS),
        *_page("/operator", OPERATOR, _policy(OPERATOR)),
        _files("/operator/assets", OPERATOR / "assets"),
    ]
    if graphiql:
        # The editor writes its styles into the page; everything else comes from files of this server.
        policy = _POLICY % ("'none'", "", " 'unsafe-inline'") + "; font-src 'self'; worker-src 'self'"
        routes += [*_page("/graphiql", GRAPHIQL, policy), _files("/graphiql/assets", GRAPHIQL / "assets")]
    return routes


def _policy(folder: Path, *, form_action: str = "'none'") -> str:
    """Return the policy of a page: its scripts and styles are files of this server, or in it and known by a hash."""
    html = (folder / "index.html").read_bytes()
    hashes = {
        tag: "".join(
            f" 'sha256-{b64encode(sha256(text).digest()).decode()}'"
            for text in re.findall(rb"<%b\b[^>]*>(.+?)</%b>" % (tag, tag), html, re.DOTALL)
        )
        for tag in (b"script", b"style")
    }
    return _POLICY % (form_action, hashes[b"script"], hashes[b"style"])


def _page(path: str, folder: Path, policy: str) -> list[Route]:
    page = _Page(folder, _HEADERS | {"Content-Security-Policy": policy})
    return [Route(each, page, methods=["GET"], middleware=[Middleware(GZipMiddleware)]) for each in (path, f"{path}/")]


def _files(path: str, directory: Path) -> Mount:
    return Mount(path, StaticFiles(directory=directory), middleware=[Middleware(GZipMiddleware), Middleware(_Kept)])


class _Page:
    """The endpoint of a page. A browser that has the page already gets only the news that it did not change."""

    def __init__(self, folder: Path, headers: Mapping[str, str]) -> None:
        self._files, self._headers = StaticFiles(directory=folder), headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._files.get_response("index.html", scope)
        response.headers.update(self._headers)
        await response(scope, receive, send)


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
