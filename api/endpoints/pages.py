"""The pages for people, each built from its source under api/pages and served without another host.

``/consumption`` is the page "My consumption", a shell around the element of ``/elements``; ``/operator`` lists licenses
for operators; ``/graphiql`` is an editor for the GraphQL API.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

from api.http.static_files import StaticFile, StaticFolder

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
_FILE_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",  # pages of every origin may load files, which are the same for everybody
}


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
    page = StaticFile(folder / "index.html", _HEADERS | {"Content-Security-Policy": policy})
    return [Route(each, page, methods=["GET"]) for each in (path, f"{path}/")]


def _files(path: str, folder: Path) -> Route:
    """Return the route of files whose names change with their content, so that they may be kept for ever."""
    files = StaticFolder(folder, {STABLE_NAME: _FILE_HEADERS | {"Cache-Control": "no-cache"}}, _FILE_HEADERS)
    return Route(f"{path}/{{name}}", files, methods=["GET"])
