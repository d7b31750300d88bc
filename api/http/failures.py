"""Responses to errors that an endpoint raises: one handler for each kind, for all endpoints."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.http.bodies import JsonResponse, forget_frames
from api.http.security_headers import SECURITY_HEADERS
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput, NotFound, Unavailable

logger = logging.getLogger(__name__)

_FAULT: Final = {"error": {"code": "INTERNAL", "message": "This went wrong on the server."}}


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


class UnknownPath(NotFound):
    """A path without an endpoint."""

    code = "NO_SUCH_PATH"


class WrongMethod(BadInput):
    """A method that an endpoint does not have."""

    code = "METHOD_NOT_ALLOWED"
    status: ClassVar[int] = 405


async def _refuse_by_status(request: Request, error: Any) -> Response:
    """Answer an error of Starlette as JSON with a code: a path that no route has, or a method that it has not."""
    allowed = (error.headers or {}).get("Allow", "")
    if error.status_code == 405:
        response = error_response(WrongMethod(f"This path takes {allowed or 'other methods'}, not {request.method}."))
    elif error.status_code == 404:
        response = error_response(UnknownPath("There is nothing at this path."))
    else:
        response = error_response(BadInput("The request cannot be served."))
        response.status_code = error.status_code
    if allowed:
        response.headers["Allow"] = allowed
    return response


async def _fail(_: Request, __: Exception) -> Response:
    """Mask a fault. Starlette raises it again afterwards, so that the server logs it."""
    return JsonResponse(_FAULT, 500, {name.decode(): value.decode() for name, value in SECURITY_HEADERS})


async def _client_left(_: Request, __: Exception) -> Response:
    """Return something: nothing was done, and the client went away before the end of its body."""
    return Response(status_code=400)


async def _database_failed(_: Request, error: Exception) -> Response:
    """Return 503 if the database is away, which passes; mask any other error as a fault of the server."""
    if not is_away(error):
        logger.error("The database failed.", exc_info=error)
        return JsonResponse(_FAULT, 500)
    return error_response(
        Unavailable("The database does not answer now. Send it again: what was recorded already is not counted twice.")
    )


EXCEPTION_HANDLERS: Final[Mapping[Any, Any]] = {
    AllowanceError: _refuse,
    ClientDisconnect: _client_left,
    SQLAlchemyError: _database_failed,
    HTTPException: _refuse_by_status,
    Exception: _fail,
}
"""Handlers of Starlette by class of exception. GraphQL answers its errors by itself, in the form of its protocol."""
