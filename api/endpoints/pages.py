"""``GET /graphiql``: the GraphiQL page, built from api/pages/graphiql/source and served without internet access."""

from pathlib import Path
from typing import Final

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

GRAPHIQL: Final = Path(__file__).parents[1] / "pages" / "graphiql"
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # The editor writes its styles into the page; everything else comes from files of this server.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class GraphiQLEndpoint:
    """The endpoint of the GraphiQL page. Its scripts and styles are static files under ``/graphiql/assets``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await FileResponse(GRAPHIQL / "index.html", headers=_HEADERS)(scope, receive, send)
