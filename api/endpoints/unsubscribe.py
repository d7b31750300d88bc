"""``/unsubscribe/TOKEN``: GET shows a form, POST unsubscribes; mail programs post by themselves (RFC 8058)."""

from datetime import UTC, datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from core.database.engine import Database
from core.delivery.mail.subscriptions import find_recipient, unsubscribe
from core.errors import NotFound

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Allowance</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#111827}}
button{{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:6px;background:#1d4ed8;color:#fff}}</style></head>
<body>{body}</body></html>"""
_ASK: Final = (
    "<h1>Unsubscribe</h1><p>You will get no more e-mails about this license reaching its limits.</p>"
    '<form method="post"><button>Unsubscribe</button></form>'
)
_DONE: Final = "<h1>Done</h1><p>You get no more of these e-mails.</p>"
_UNKNOWN: Final = "<h1>Not known</h1><p>This link is not known. Take it whole from the e-mail.</p>"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


class UnsubscribeEndpoint:
    """The endpoint behind the link in warning e-mails.

    A GET request changes nothing, since mail programs open links by themselves.
    """

    def __init__(self, database: Database) -> None:
        """Look up recipients, and record who unsubscribed, in the database."""
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        page = await self._respond(scope["method"], scope["path_params"]["token"])
        await page(scope, receive, send)

    async def _respond(self, method: str, token: str) -> Response:
        try:
            if method == "POST":
                await run_in_threadpool(self._unsubscribe, token)
                return _page(_DONE)
            await run_in_threadpool(self._find, token)
        except NotFound:
            return _page(_UNKNOWN, 404)
        return _page(_ASK)

    def _find(self, token: str) -> None:
        with self._database.read() as session:
            find_recipient(session, token)

    def _unsubscribe(self, token: str) -> None:
        with self._database.write() as session:
            unsubscribe(session, find_recipient(session, token), datetime.now(UTC))


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(body=body), status, _HEADERS)
