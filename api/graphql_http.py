"""GraphQL over HTTP, POST and GET, as the GraphQL-over-HTTP specification says."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from types import NoneType
from typing import Any, ClassVar, Final

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from api.bodies import JsonResponse, forget_frames, read_body
from api.callers import caller_of
from api.context import Context
from api.limits.allowed import allowed_by
from api.limits.deadline import OutOfTime, timed_out
from api.limits.prepare import cost_report, prepare
from api.schema.build import presentable, schema
from core.access.keys import Caller
from core.access.rate_limit import RateLimit
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput, RateLimited, Unavailable
from core.runtime import Runtime
from core.work.broker import Announcer

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"


class BadRequest(BadInput):
    """What was sent is not a GraphQL request."""

    code = "BAD_REQUEST"


class MethodNotAllowed(BadInput):
    """Something that only POST may do."""

    code = "METHOD_NOT_ALLOWED"
    status: ClassVar[int] = 405


class UnsupportedMediaType(BadInput):
    """A body that does not say that it is JSON."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status: ClassVar[int] = 415


class NotAcceptable(BadInput):
    """No media type that the caller accepts can be given."""

    code = "NOT_ACCEPTABLE"
    status: ClassVar[int] = 406


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked to be executed."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    kinds: frozenset[OperationType]


class GraphQLEndpoint:
    """The endpoint ``/graphql``. Each operation is executed in a thread, with sessions of its own."""

    def __init__(self, runtime: Runtime, announcer: Announcer) -> None:
        self._runtime = runtime
        self._announcer = announcer
        self._allowed = allowed_by(runtime.settings)
        operations = runtime.settings.graphql_operations_per_second
        self._rate = RateLimit(operations, operations)

    async def answer(self, request: Request) -> Response:
        media_type = JSON
        try:
            media_type = _media_type(request.headers.get("accept"))
            # First the token: nobody else makes this read a body.
            caller = await caller_of(self._runtime.authenticator, request.headers.get("authorization"))
            if wait := self._rate.take(caller.key_id):
                raise RateLimited("This key asks more often than it may.", wait)
            operation = await self._read(request)
            answer = await run_in_threadpool(self._execute, operation, caller)
        except AllowanceError as error:
            return _refusal(error, media_type, request.method)
        except SQLAlchemyError as error:
            if not is_away(error):
                raise
            logger.error("the database failed", exc_info=error)
            return _refusal(Unavailable("The database does not answer now; try again."), media_type, request.method)
        # A legacy client reads an error status as no answer; "data" is missing where nothing was executed.
        status = 400 if media_type == GRAPHQL_JSON and "data" not in answer else 200
        return JsonResponse(answer, status, _HEADERS, f"{media_type}; charset=utf-8")

    async def _read(self, request: Request) -> Operation:
        if request.method == "GET":
            parameters: dict[str, Any] = dict(request.query_params)
            for name in ("variables", "extensions"):
                parameters[name] = _json(parameters[name].encode()) if parameters.get(name) else None
            return _operation(parameters, _READING)
        if request.method != "POST":
            raise MethodNotAllowed("Ask with POST, or with GET.")
        kind, _, parameter = request.headers.get("content-type", "").partition(";")
        if kind.strip().lower() != JSON or parameter.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
            raise UnsupportedMediaType(f"Send the request as {JSON} in UTF-8.")
        body = _json(await read_body(request, self._runtime.settings.graphql_max_body_bytes))
        if not isinstance(body, dict):
            raise BadRequest("The body must be a JSON object with `query`; one operation at a time.")
        return _operation(body, _ANY)

    def _execute(self, operation: Operation, caller: Caller) -> dict[str, Any]:
        prepared = prepare(schema._schema, operation.query, self._allowed)
        if isinstance(prepared, list):
            return {"errors": [presentable(error) for error in prepared]}
        cost = prepared.cost(operation.name, operation.variables)
        now, seconds = datetime.now(UTC), self._runtime.settings.graphql_max_seconds
        context = Context(
            self._runtime, self._announcer, caller, now, prepared.document, operation.name, monotonic() + seconds
        )
        try:
            result = schema.execute_sync(
                operation.query, operation.variables, context, None, operation.name, operation.kinds
            )
        except (CannotGetOperationTypeError, MissingQueryError):
            raise BadRequest("`operationName` names no operation of the document.") from None
        except InvalidOperationTypeError as error:
            kind = error.operation_type.value
            raise MethodNotAllowed(f"A {kind} is not taken here; mutations go by POST.") from None
        except OutOfTime:
            return {"data": None, "errors": [timed_out(seconds)]}
        finally:
            context.close()
        errors = [presentable(error) for error in result.errors or ()]
        if errors and result.data is None and not any("path" in error for error in errors):
            return {"errors": errors}
        answer = {"data": result.data, "extensions": cost_report(cost, self._allowed)}
        return {**answer, "errors": errors} if errors else answer


_HEADERS: Final = {"Cache-Control": "private, no-store", "Vary": "Accept, Authorization"}
_ANY: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
_READING: Final = frozenset({OperationType.QUERY})


def _media_type(accept: str | None) -> str:
    """The answer's media type. Without a preference, what every client can read."""
    accepted = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    if GRAPHQL_JSON in accepted:
        return GRAPHQL_JSON
    if accepted & {JSON, "application/*", "*/*"}:
        return JSON
    raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}.")


def _json(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest("What was sent is not JSON.") from None


def _operation(parameters: Mapping[str, Any], kinds: frozenset[OperationType]) -> Operation:
    query, variables, name = (parameters.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("`query` is missing: the text of a GraphQL operation.")
    if not isinstance(variables, (dict, NoneType)):
        raise BadRequest("`variables` must be a JSON object.")
    if not isinstance(name, (str, NoneType)):
        raise BadRequest("`operationName` must be a text.")
    if not isinstance(parameters.get("extensions"), (dict, NoneType)):
        raise BadRequest("`extensions` must be a JSON object.")
    return Operation(query, variables, name or None, kinds)


def _refusal(error: AllowanceError, media_type: str, method: str) -> Response:
    forget_frames(error)
    headers = dict(_HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 405:
        headers["Allow"] = "POST" if method == "GET" else "GET, POST"
    wait = {} if error.retry_after is None else {"retryAfter": error.retry_after}
    answer = {"errors": [{"message": error.message, "extensions": {"code": error.code, **wait}}]}
    return JsonResponse(answer, error.status, headers, f"{media_type}; charset=utf-8")
