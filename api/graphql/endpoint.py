"""``/graphql`` over HTTP, by POST and GET, as the GraphQL-over-HTTP specification says."""

import logging
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any, Final

import orjson
from allowance.text import ENGLISH
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.concurrency.body_budget import BodyBudget
from api.concurrency.futures import SharedTasks
from api.graphql.answer_cache import AnswerCache, CachedAnswer, CacheKey
from api.graphql.errors import INTERNAL, refusal, something_failed
from api.graphql.operations.execute import OperationCall
from api.graphql.operations.executions import Executions
from api.graphql.operations.prepare import DocumentRefused
from api.graphql.operations.request import (
    EVENT_STREAM,
    GRAPHQL_JSON,
    JSON,
    MethodNotAllowed,
    NotAcceptable,
    accepted_by,
    from_body,
    from_url,
    media_type,
    require_json,
)
from api.graphql.operations.run import OperationResult, Operations
from api.graphql.subscriptions.event_stream import EventStreams, event
from api.http.asgi import address_of, header, list_header, read_small_body, while_connected
from api.http.bodies import JsonResponse, forget_frames, read_body
from api.http.callers import find_caller
from api.http.compression import SMALLEST, accepts_gzip, gzip
from api.http.etags import matches, weak_tag
from api.http.languages import languages_of
from api.http.server import MOST_MESSAGE
from api.http.tracing import parent_context, trace_header, trace_id
from api.metrics import MEMORY, RENEWED, Metrics
from core.access.authenticator import Authenticator
from core.access.keys import Caller
from core.database.engine import is_away
from core.errors import AllowanceError, TooLarge, Unavailable
from core.languages.negotiation import content_language
from core.tracing import Tracing

logger = logging.getLogger(__name__)

_VARY: Final = "Accept, Accept-Encoding, Accept-Language, Authorization"
_OF_A_MATCH: Final = {b"cache-control", b"vary", b"etag"}
"""Headers of an answer that the client has already (RFC 9110, section 15.4.5)."""
SMALL: Final = 16_384
"""Bytes of a request that is read on the event loop and counts for no budget. Requests of front ends are smaller."""
_HEADERS: Final = {"Cache-Control": "private, no-store", "Vary": _VARY, "Content-Language": ENGLISH}
"""The headers of refusals, which are in English."""


class SubscriptionRequested(Exception):
    """A request for a subscription, which is answered by a stream of events."""

    def __init__(self, call: OperationCall, caller: Caller) -> None:
        """Stream the answers of a subscription to its caller."""
        super().__init__("a subscription")
        self.call = call
        self.caller = caller


class GraphQLEndpoint:
    """The endpoint of GraphQL over HTTP.

    Most answers come from the cache. The others are executed in a thread, with sessions of their own.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        tracing: Tracing,
        operations: Operations,
        executions: Executions,
        answers: AnswerCache,
        streams: EventStreams,
        metrics: Metrics,
        *,
        max_body_bytes: int,
    ) -> None:
        """Serve queries and mutations from `answers` or by `operations`, and subscriptions by `streams`.

        Args:
            authenticator: The callers of this process.
            tracing: Spans of requests, if it is on.
            operations: The operations of this process.
            executions: Executes them in threads.
            answers: The answers that this process remembers.
            streams: Answers subscriptions as server-sent events.
            metrics: Counts operations and errors.
            max_body_bytes: Bytes of the largest body that is read.
        """
        self._authenticator = authenticator
        self._tracing = tracing
        self._operations = operations
        self._executions = executions
        self._answers = answers
        self._streams = streams
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._budget = BodyBudget(4 * max_body_bytes)
        self._revalidating = SharedTasks[CachedAnswer]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, in a span if tracing is on."""
        tracing = self._tracing
        if not tracing.is_on:
            await self._serve(scope, receive, send)
            return
        parent = parent_context(scope)
        with tracing.tracer.start_as_current_span("GraphQL", parent, SpanKind.SERVER) as span:
            traceresponse = trace_header(span.get_span_context())

            async def send_traced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], traceresponse]}
                await send(message)

            await self._serve(scope, receive, send_traced)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = JSON
        try:
            kind = media_type(list_header(scope, b"accept"))
            # The token comes first: nobody without one makes this read a body.
            caller = await find_caller(self._authenticator, header(scope, b"authorization"), address_of(scope))
            self._operations.admit(caller)
            answer = await self._read_and_answer(scope, receive, caller, kind)
        except ClientDisconnect:
            raise
        except SubscriptionRequested as subscription:
            await self._stream(subscription, scope, receive, send)
        except AllowanceError as error:
            await self._refuse(error, kind, scope, receive, send)
        except Exception as error:
            await self._refuse(_fault(error, trace_id(scope)), kind, scope, receive, send)
        else:
            if self._tracing.is_on:
                trace.get_current_span().update_name(answer.name)
            await _send(answer, scope, send)

    async def _stream(self, subscription: SubscriptionRequested, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if EVENT_STREAM not in accepted_by(list_header(scope, b"accept")):
                raise NotAcceptable(f"A subscription is answered as {EVENT_STREAM}, or over WebSocket.")
            await self._streams.answer(subscription.call, subscription.caller, scope, receive, send)
        except AllowanceError as error:
            await self._refuse(error, JSON, scope, receive, send)

    async def _read_and_answer(self, scope: Scope, receive: Receive, caller: Caller, kind: str) -> CachedAnswer:
        """Read the request, which is the query of the URL or the body, and answer it."""
        if scope["method"] == "GET":
            return await self._find_answer(scope, receive, caller, kind, scope["query_string"])
        if scope["method"] != "POST":
            raise MethodNotAllowed("Ask with POST, or with GET.")
        require_json(header(scope, b"content-type"))
        body = await read_small_body(scope, receive, min(SMALL, self._max_body_bytes))
        if isinstance(body, bytes):
            return await self._find_answer(scope, receive, caller, kind, body)
        with self._budget.body(caller.account) as grow:
            text = await read_body(body, self._max_body_bytes, grow)
            return await self._find_answer(scope, receive, caller, kind, text)

    async def _find_answer(
        self, scope: Scope, receive: Receive, caller: Caller, kind: str, text: bytes
    ) -> CachedAnswer:
        takes_gzip = accepts_gzip(list_header(scope, b"accept-encoding"))
        languages = languages_of(scope, self._operations.negotiator, caller.language)
        key = CacheKey(caller, kind, takes_gzip, languages, scope["method"], text)
        answer = self._answers.get_fresh(key)
        if answer is None:
            return await while_connected(self._answer(key, trace_id(scope)), receive)
        answer.memory_counter.inc()
        return answer

    async def _answer(self, key: CacheKey, trace: str) -> CachedAnswer:
        """Return the valid cached answer, else execute the request. Equal requests are revalidated together."""
        cached = self._answers.get(key)
        if cached is None:
            return await self._execute(key, trace)
        is_first = key not in self._revalidating
        answer = await self._revalidating.join(key, partial(self._revalidate, key, cached, trace))
        # An error has the trace of the other request, and this request may have come after a later commit.
        return answer if is_first or self._answers.is_fresh(answer) else await self._execute(key, trace)

    async def _revalidate(self, key: CacheKey, cached: CachedAnswer, trace: str) -> CachedAnswer:
        if await self._executions.read(key.caller, self._answers.revalidate, cached):
            self._metrics.count(cached.operation, RENEWED)
            return cached
        return await self._execute(key, trace)

    async def _execute(self, key: CacheKey, trace: str) -> CachedAnswer:
        seen_at = monotonic()
        read = partial(from_url if key.method == "GET" else from_body, key.text)
        try:
            call = await self._executions.prepare(key.caller, read, key.languages, small=len(key.text) <= SMALL)
            if call.subscribes:
                if len(key.text) > MOST_MESSAGE:  # a subscription holds its variables for as long as it is open
                    raise TooLarge(f"A subscription has {MOST_MESSAGE} bytes at most, as over WebSocket.")
                raise SubscriptionRequested(call, key.caller)
            if key.method == "GET" and not call.reads:
                raise MethodNotAllowed("A mutation is not taken here; mutations go by POST.")
            answer = await self._executions.run(call, key.caller, trace, partial(self._encode, key, seen_at))
        except DocumentRefused as refused:
            forget_frames(refused)
            answer = self._encode(key, seen_at, self._operations.answer_refused(refused, trace))
        self._answers.put(key, answer)
        return answer

    def _encode(self, key: CacheKey, seen_at: float, result: OperationResult) -> CachedAnswer:
        answer = result.answer
        if "data" in answer:  # encoded once, for the body and for the tag
            answer = {**answer, "data": orjson.Fragment(orjson.dumps(answer["data"]))}
        body = orjson.dumps(self._executions.with_throttle_status(answer, key.caller))
        if key.media_type == EVENT_STREAM:
            body = event("next", body) + event("complete")
        # Answers of mutations may carry a new secret; see docs/security.md.
        if packs := key.takes_gzip and len(body) >= SMALLEST and result.operation.kind == "query":
            body = gzip(body)
        etag, caching = None, b"private, no-store"
        if result.expires_at and key.method == "GET":
            # Weak, as the same data may come with another state of the budget.
            coding = b"gzip" if packs else b""
            etag = weak_tag(orjson.dumps(answer), coding)
            caching = b"private, no-cache"  # clients may keep it, and revalidate it by its tag
        return CachedAnswer(
            body=body,
            key_size=len(key.text),
            # Clients of the legacy media type read no answer with an error status. "data" is missing if nothing ran.
            status=400 if key.media_type == GRAPHQL_JSON and "data" not in result.answer else 200,
            headers=[
                (b"content-type", f"{key.media_type}; charset=utf-8".encode()),
                (b"cache-control", caching),
                (b"vary", _VARY.encode()),
                (b"content-language", content_language(key.languages).encode()),
                *([(b"etag", etag)] if etag else []),
                *([(b"content-encoding", b"gzip")] if packs else []),
                (b"content-length", b"%d" % len(body)),
            ],
            etag=etag,
            versions=result.versions,
            expires_at=result.expires_at,
            seen_at=seen_at,
            operation=result.operation,
            memory_counter=self._metrics.counter(result.operation, MEMORY),
        )

    async def _refuse(self, error: AllowanceError, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        answer = {"errors": [refusal(error, trace_id(scope))]}
        self._metrics.count_errors(answer)
        await _refused(error, answer, kind, scope["method"])(scope, receive, send)


class _Fault(AllowanceError):
    """A fault of the server; the log has its cause."""

    code = INTERNAL
    status = 500


def _fault(error: Exception, trace: str) -> AllowanceError:
    if isinstance(error, SQLAlchemyError) and is_away(error):
        return Unavailable("The database does not answer now; try again.")
    logger.error("A GraphQL request failed, trace %s", trace, exc_info=error)
    return _Fault(something_failed(trace))


def _refused(error: AllowanceError, answer: Mapping[str, Any], kind: str, method: str) -> Response:
    forget_frames(error)
    headers = dict(_HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 405:
        headers["Allow"] = "POST" if method == "GET" else "GET, POST"
    kind = JSON if kind == EVENT_STREAM else kind
    # As above: status 200 lets clients of the legacy media type send the request again, with the document.
    status = 400 if kind == GRAPHQL_JSON and error.status == 200 else error.status
    return JsonResponse(answer, status, headers, f"{kind}; charset=utf-8")


async def _send(answer: CachedAnswer, scope: Scope, send: Send) -> None:
    status, headers, body = answer.status, answer.headers, answer.body
    if answer.etag and matches(list_header(scope, b"if-none-match"), answer.etag):
        status, body = 304, b""
        headers = [(name, value) for name, value in headers if name in _OF_A_MATCH]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
