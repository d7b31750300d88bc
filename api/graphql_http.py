"""GraphQL over HTTP, POST and GET, as the GraphQL-over-HTTP specification says."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from time import monotonic
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
from api.operations.answers import Answer, Answers, Question
from api.operations.execute import Asked
from api.operations.prepare import DocumentRefused
from api.operations.request import BadRequest, Request, request_of
from api.operations.run import Operations, asked_by
from api.schema.build import presentable
from api.subscriptions.event_stream import EVENT_STREAM, EventStreams, event
from core.access.keys import Caller
from core.database.engine import is_away
from core.errors import AllowanceError, BadInput, Unavailable
from core.runtime import Runtime

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"


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


class SubscriptionAsked(Exception):
    """What is asked has not one answer but many."""

    def __init__(self, asked: Asked, caller: Caller) -> None:
        super().__init__("a subscription")
        self.asked = asked
        self.caller = caller


class GraphQLEndpoint:
    """The endpoint ``/graphql``: plain ASGI, since most answers are given again from memory.

    What has to be executed is executed in a thread, with sessions of its own.
    """

    def __init__(self, runtime: Runtime, operations: Operations, streams: EventStreams) -> None:
        self._runtime = runtime
        self._operations = operations
        self._streams = streams
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
        except SubscriptionAsked as subscription:
            await self._stream(subscription, accept, scope, receive, send)
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

    async def _stream(
        self, subscription: "SubscriptionAsked", accept: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            if EVENT_STREAM not in _accepted(accept):
                raise NotAcceptable(f"A subscription is answered as {EVENT_STREAM}, or over WebSocket.")
            await self._streams.answer(subscription.asked, subscription.caller, scope, receive, send)
        except AllowanceError as error:
            await _refusal(error, JSON, scope["method"])(scope, receive, send)

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
        try:
            asked = asked_by(_from_url(question.text) if is_get else _from_body(question.text))
        except DocumentRefused as refused:
            answer = {"errors": [presentable(error) for error in refused.errors]}
            return _answer(answer, question, {}, 0, seen_at)
        if asked.subscribes:
            raise SubscriptionAsked(asked, question.caller)
        if is_get and not asked.reads:
            raise MethodNotAllowed("A mutation is not taken here; mutations go by POST.")
        executed = self._operations.run(asked, question.caller)
        return _answer(executed.answer, question, executed.versions, executed.good_until, seen_at)


_VARY: Final = "Accept, Authorization"
_HEADERS: Final = {"Cache-Control": "private, no-store", "Vary": _VARY}


def _accepted(accept: str | None) -> set[str]:
    return {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}


def _media_type(accept: str | None) -> str:
    """The answer's media type. Without a preference, what every client can read."""
    accepted = _accepted(accept)
    if GRAPHQL_JSON in accepted:
        return GRAPHQL_JSON
    if accepted & {JSON, "application/*", "*/*"}:
        return JSON
    if EVENT_STREAM in accepted:
        return EVENT_STREAM
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
    return request_of(parameters)


def _from_body(text: bytes) -> Request:
    body = _json(text)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object with `query`; one operation at a time.")
    return request_of(body)


def _answer(
    answer: Mapping[str, Any], question: Question, versions: Mapping[int, int], good_until: float, seen_at: float
) -> Answer:
    # A legacy client reads an error status as no answer; "data" is missing where nothing was executed.
    status = 400 if question.media_type == GRAPHQL_JSON and "data" not in answer else 200
    body, etag, caching = orjson.dumps(answer), None, b"private, no-store"
    if question.media_type == EVENT_STREAM:
        body = event("next", body) + event("complete")
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
    media_type = JSON if media_type == EVENT_STREAM else media_type
    return JsonResponse(answer, error.status, headers, f"{media_type}; charset=utf-8")
