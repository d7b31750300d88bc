"""Responses to errors that an endpoint raises: one handler for each kind, for all endpoints."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.http.bodies import JsonResponse, forget_frames
from core.database.engine import is_away
from core.errors import AllowanceError, Unavailable

logger = logging.getLogger(__name__)


def error_response(error: AllowanceError) -> JsonResponse:
    """Return an expected error as JSON, with the headers that its status asks for."""
    forget_frames(error)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return JsonResponse(
        {"error": {"code": error.code, "message": error.message}}, status_code=error.status, headers=headers
    )


async def _refuse(_: Request, error: Any) -> Response:
    return error_response(error)


async def _client_left(_: Request, __: Exception) -> Response:
    """Return something: nothing was done, and the client went away before the end of its body."""
    return Response(status_code=400)


async def _database_failed(_: Request, error: Exception) -> Response:
    """Return 503 if the database is away, which passes; mask any other error as a fault of the server."""
    logger.error("The database failed.", exc_info=error)
    if not is_away(error):
        return JsonResponse({"error": {"code": "INTERNAL", "message": "This went wrong on the server."}}, 500)
    return error_response(
        Unavailable("The database does not answer now. Send it again: what was recorded already is not counted twice.")
    )


EXCEPTION_HANDLERS: Final[Mapping[Any, Any]] = {
    AllowanceError: _refuse,
    ClientDisconnect: _client_left,
    SQLAlchemyError: _database_failed,
}
"""Handlers of Starlette by class of exception. GraphQL answers its errors by itself, in the form of its protocol."""
