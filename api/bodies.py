"""Request bodies and JSON answers."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from core.errors import AllowanceError, TooLarge


class JsonResponse(Response):
    """An answer encoded by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def read_body(request: Request, most: int) -> bytes:
    """The body. Raises :class:`TooLarge` as soon as it passes `most` bytes."""
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"The body passes {most} bytes. Send it in parts.")
        parts.append(part)
    return b"".join(parts)


def error_response(error: AllowanceError) -> JsonResponse:
    """An expected error as JSON over HTTP."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.status == 503:
        headers["Retry-After"] = "5"
    return JsonResponse(
        {"error": {"code": error.code, "message": error.message}}, status_code=error.status, headers=headers
    )
