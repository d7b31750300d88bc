"""The headers of every answer that tell browsers what they may do with it."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.asgi import Header

SECURITY_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""The strictest values, for answers that are no pages. A page states its own policy of contents."""


class SecurityHeaders:
    """Adds the headers that an answer does not state itself."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message = {**message, "headers": with_security_headers(message.get("headers", ()))}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def with_security_headers(headers: "list[Header] | tuple[Header, ...]") -> list[Header]:
    """Return headers with the security headers that are missing."""
    stated = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in SECURITY_HEADERS if header[0] not in stated)]
