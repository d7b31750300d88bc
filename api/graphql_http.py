"""GraphQL over HTTP, POST and GET, as the GraphQL-over-HTTP specification says."""

import asyncio
import hashlib
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
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.asgi import header, in_one_piece
from api.bodies import JsonResponse, forget_frames, read_body
from api.callers import caller_of
from api.context import Context
from api.operations.answers import Answer, Answers, Question
from api.operations.execute import Asked, execute
from api.operations.prepare import DocumentRefused, prepare
from api.schema.build import presentable
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput, Unavailable
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
class Request:
    """What is asked to be executed."""

    query: str
    variables: dict[str, Any]
    name: str | None


class GraphQLEndpoint:
    """The endpoint ``/graphql``: plain ASGI, since most answers are given again from memory.

    What has to be executed is executed in a thread, with sessions of its own.
    """

    def __init__(self, runtime: Runtime, announcer: Announcer) -> None:
        self._runtime = runtime
        self._announcer = announcer
        self._answers = Answers(runtime.database)
        self._renewing: dict[Question, asyncio.Task[Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        media_type = JSON
        try:
            accept = header(scope, b"accept")
            media_type = _media_type(accept)
            # First the token: nobody else makes this read a body.
            caller = await caller_of(self._runtime.authenticator, header(scope, b"authorization"))
            question = Question(caller, media_type, scope["method"], await self._text(scope, receive))
            answer = self._answers.trusted(question) or await self._find(question)
        except AllowanceError as error:
            await _refusal(error, media_type, scope["method"])(scope, receive, send)
        except SQLAlchemyError as error:
            if not is_away(error):
                raise
            logger.error("the database failed", exc_info=error)
            away = Unavailable("The database does not answer now; try again.")
            await _refusal(away, media_type, scope["method"])(scope, receive, send)
        else:
            await _send(answer, scope, send)

    async def _text(self, scope: Scope, receive: Receive) -> bytes:
        """What is asked, byte for byte: the query of the URL, or the body."""
        if scope["method"] == "GET":
            query: bytes = scope["query_string"]
            return query
        if scope["method"] != "POST":
            raise MethodNotAllowed("Ask with POST, or with GET.")
        kind, _, parameter = (header(scope, b"content-type") or "").partition(";")
        if kind.strip().lower() != JSON or parameter.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
            raise UnsupportedMediaType(f"Send the request as {JSON} in UTF-8.")
        most = self._runtime.settings.max_body_bytes
        body = await in_one_piece(scope, receive, most)
        return body if isinstance(body, bytes) else await read_body(body, most)

    async def _find(self, question: Question) -> Answer:
        """The answer, executed where it has to be. The same question at the same time is looked at once."""
        kept = self._answers.kept(question)
        if kept is None:
            answer = await run_in_threadpool(self._execute, question)
            self._answers.keep(question, answer)
            return answer
        task = self._renewing.get(question)
        if task is None:
            task = self._renewing[question] = asyncio.create_task(self._renew(question, kept))
        return await asyncio.shield(task)

    async def _renew(self, question: Question, kept: Answer) -> Answer:
        try:
            if await run_in_threadpool(self._answers.renew, kept):
                return kept
            answer = await run_in_threadpool(self._execute, question)
            self._answers.keep(question, answer)
            return answer
        finally:
            del self._renewing[question]

    def _execute(self, question: Question) -> Answer:
        seen_at = monotonic()
        is_get = question.method == "GET"
        request = _from_url(question.text) if is_get else _from_body(question.text)
        context = Context(self._runtime, self._announcer, question.caller, datetime.now(UTC), request.name)
        try:
            asked = Asked(prepared := prepare(request.query), prepared.operation(request.name), request.variables)
            if is_get and not asked.reads:
                raise MethodNotAllowed("A mutation is not taken here; mutations go by POST.")
            answer = execute(asked, context)
        except DocumentRefused as refused:
            answer = {"errors": [presentable(error) for error in refused.errors]}
        finally:
            context.close()
        lasting = context.lasting and "errors" not in answer
        return _answer(answer, question, context.versions, context.good_until.timestamp() if lasting else 0, seen_at)


_VARY: Final = "Accept, Authorization"
_HEADERS: Final = {"Cache-Control": "private, no-store", "Vary": _VARY}


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


def _from_url(query: bytes) -> Request:
    parameters: dict[str, Any] = dict(QueryParams(query))
    for name in ("variables", "extensions"):
        parameters[name] = _json(parameters[name].encode()) if parameters.get(name) else None
    return _request(parameters)


def _from_body(text: bytes) -> Request:
    body = _json(text)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object with `query`; one operation at a time.")
    return _request(body)


def _request(parameters: Mapping[str, Any]) -> Request:
    query, variables, name = (parameters.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("`query` is missing: the text of a GraphQL operation.")
    if not isinstance(variables, (dict, NoneType)):
        raise BadRequest("`variables` must be a JSON object.")
    if not isinstance(name, (str, NoneType)):
        raise BadRequest("`operationName` must be a text.")
    if not isinstance(parameters.get("extensions"), (dict, NoneType)):
        raise BadRequest("`extensions` must be a JSON object.")
    return Request(query, variables or {}, name or None)


def _answer(
    answer: Mapping[str, Any], question: Question, versions: Mapping[int, int], good_until: float, seen_at: float
) -> Answer:
    # A legacy client reads an error status as no answer; "data" is missing where nothing was executed.
    status = 400 if question.media_type == GRAPHQL_JSON and "data" not in answer else 200
    body, etag, caching = orjson.dumps(answer), None, b"private, no-store"
    if good_until and question.method == "GET":
        etag = b'"%s"' % hashlib.blake2b(body, digest_size=16).hexdigest().encode()
        caching = b"private, no-cache"  # it may be kept, and is asked for by its tag before it is used
    headers = [
        (b"content-type", f"{question.media_type}; charset=utf-8".encode()),
        (b"cache-control", caching),
        (b"vary", _VARY.encode()),
        *([(b"etag", etag)] if etag else []),
        (b"content-length", b"%d" % len(body)),
    ]
    return Answer(body, status, headers, etag, versions, good_until, seen_at)


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    status, headers, body = answer.status, answer.headers, answer.body
    if answer.etag and _matches(header(scope, b"if-none-match"), answer.etag):
        status, headers, body = 304, answer.headers[1:-1], b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _matches(tags: str | None, etag: bytes) -> bool:
    """By weak comparison (RFC 9110, section 13.1.2)."""
    known = {tag.strip().removeprefix("W/") for tag in (tags or "").split(",")}
    return "*" in known or etag.decode() in known


def _refusal(error: AllowanceError, media_type: str, method: str) -> Response:
    forget_frames(error)
    headers = dict(_HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 405:
        headers["Allow"] = "POST" if method == "GET" else "GET, POST"
    answer = {"errors": [{"message": error.message, "extensions": {"code": error.code}}]}
    return JsonResponse(answer, error.status, headers, f"{media_type}; charset=utf-8")
