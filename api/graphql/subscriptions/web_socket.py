"""GraphQL over WebSocket: the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

The Origin header is not checked. A page of another origin may connect, but learns nothing without a token, which
browsers do not send by themselves as they send cookies.

Strawberry's handler of this protocol was weighed: it executes past the limits and plans of operations, and does not end
the connections of a key that is revoked.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import Any, ClassVar, Final, Never

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from api.concurrency.threads import Threads
from api.graphql.operations.execute import OperationCall
from api.graphql.operations.prepare import DocumentRefused
from api.graphql.operations.request import request_of
from api.graphql.operations.run import Operations
from api.graphql.subscriptions.connections import (
    ClientGone,
    ConnectionEnded,
    EndReason,
    OpenConnections,
    TooManyConnections,
)
from api.graphql.subscriptions.subscribe import SubscriptionRefused, Subscriptions
from api.http.asgi import address_of, header
from api.http.bodies import forget_frames
from api.http.callers import find_caller
from core.access.authenticator import Authenticator
from core.access.keys import Caller
from core.errors import AllowanceError, BadInput, Unauthenticated

PROTOCOL: Final = "graphql-transport-ws"
INIT: Final = 10.0
"""Seconds within which a client has to send connection_init."""
DRAIN: Final = 20.0
"""Seconds within which a client has to read each message."""
THREADS: Final = 10
"""Operations over WebSocket executed at the same time; HTTP requests have other threads."""
INTERNAL_ERROR: Final = 1011
_LOST: Final = (TimeoutError, OSError, RuntimeError)
"""Errors of sending over a closed connection; RuntimeError if this server closed it."""
TRY_AGAIN_LATER: Final = 1013
RESTARTING: Final = 1012


class BadSubprotocol(BadInput):
    """A handshake that does not offer the protocol graphql-transport-ws."""

    code = "BAD_SUBPROTOCOL"


class TooManySubscriptions(AllowanceError):
    """Too many operations under way on one connection."""

    code = "TOO_MANY_SUBSCRIPTIONS"
    status: ClassVar[int] = 429


class _Close(Exception):
    """The end of a connection, with a code of the protocol or of RFC 6455."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class WebSocketEndpoint:
    """The endpoint of GraphQL over WebSocket, at the path of the endpoint over HTTP."""

    def __init__(
        self,
        authenticator: Authenticator,
        operations: Operations,
        subscriptions: Subscriptions,
        connections: OpenConnections,
        *,
        most: int,
    ) -> None:
        """Serve all operations over WebSocket.

        Args:
            authenticator: The callers of this process.
            operations: Executes operations.
            subscriptions: Answers subscriptions.
            connections: The open connections of this process.
            most: Operations that may be under way on a connection at once.
        """
        self.authenticator = authenticator
        self.most = most
        self.operations = operations
        self.subscriptions = subscriptions
        self.connections = connections
        self.threads = Threads(THREADS, "sockets")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await receive()  # websocket.connect
        try:
            if PROTOCOL not in scope["subprotocols"]:
                raise BadSubprotocol(f"Offer the subprotocol {PROTOCOL}; no other is spoken here.")
            with self.connections.from_address(address_of(scope)):
                await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
                await _Conversation(self, header(scope, b"authorization"), receive, send).hold()
        except AllowanceError as error:
            await _deny(error, send)


class _Conversation:
    """The messages of one connection. Its operations are tasks of a group, which ends with the connection."""

    def __init__(self, endpoint: WebSocketEndpoint, authorization: str | None, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._authorization = authorization
        self._receive = receive
        self._asgi_send = send
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def hold(self) -> None:
        """Serve messages until either side ends the connection."""
        closes: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                caller = await self._greet()
                with self._endpoint.connections.of(caller) as connection:
                    tasks.create_task(connection.until_ended())
                    await self._send({"type": "connection_ack"})
                    while True:
                        await self._take(await self._next(), caller, tasks)
        except* ClientGone:
            pass
        except* (_Close, ConnectionEnded, TooManyConnections) as found:
            closes.extend(found.exceptions)
        except* SQLAlchemyError as found:
            self._endpoint.operations.answer_failed(found.exceptions[0], token_hex(16))
            closes.append(_Close(TRY_AGAIN_LATER, "The database does not answer now; try again."))
        except* Exception as found:
            self._endpoint.operations.answer_failed(found.exceptions[0], token_hex(16))
            closes.append(_Close(INTERNAL_ERROR, "This went wrong on the server."))
        if closes:
            await self._close(_close_of(closes[0]))

    async def _close(self, close: _Close) -> None:
        with suppress(*_LOST):
            async with asyncio.timeout(DRAIN):
                await self._asgi_send({"type": "websocket.close", "code": close.code, "reason": close.reason})

    async def _greet(self) -> Caller:
        """Wait for connection_init, and return the caller that it names."""
        try:
            async with asyncio.timeout(INIT):
                while (message := await self._next())["type"] != "connection_init":
                    if message["type"] not in ("ping", "pong"):
                        raise _Close(4401, "Unauthorized")
                    await self._keep_alive(message)
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        payload = message.get("payload")
        if not isinstance(payload, dict | None):
            raise _Close(4400, "The payload of connection_init must be an object")
        tokens = [value for name, value in (payload or {}).items() if name.lower() == "authorization"]
        authorization = tokens[0] if tokens else self._authorization
        self._authorization = None  # a token is not held longer than needed
        if not isinstance(authorization, str | None):
            raise _Close(4400, "Authorization must be a text")
        try:
            return await find_caller(self._endpoint.authenticator, authorization)
        except Unauthenticated:
            raise _Close(4403, "Forbidden") from None

    async def _take(self, message: Mapping[str, Any], caller: Caller, tasks: asyncio.TaskGroup) -> None:
        kind = message["type"]
        if kind in ("ping", "pong"):
            await self._keep_alive(message)
        elif kind == "subscribe":
            id = _id(message)
            if id in self._operations:
                raise _Close(4409, _reason(f"Subscriber for {id} already exists"))
            payload = message.get("payload")
            if not isinstance(payload, dict) or not isinstance(payload.get("query"), str | None):
                raise _Close(4400, "The payload of subscribe must be an object, and its query a text")
            if len(self._operations) >= self._endpoint.most:
                error = TooManySubscriptions(f"{self._endpoint.most} operations are under way; end one first.")
                payload = [self._endpoint.operations.answer_failed(error, token_hex(16))]
                await self._send({"id": id, "type": "error", "payload": payload})
                return
            self._operations[id] = tasks.create_task(self._operate(id, payload, caller))
        elif kind == "complete":
            if task := self._operations.pop(_id(message), None):
                task.cancel()
        elif kind == "connection_init":
            raise _Close(4429, "Too many initialisation requests")
        else:
            raise _Close(4400, _reason(f"Unknown message type {kind}"))

    async def _keep_alive(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "ping":
            payload = {"payload": message["payload"]} if "payload" in message else {}
            try:
                await self._send({"type": "pong", **payload})
            except orjson.JSONEncodeError:
                raise _Close(4400, "The payload is nested too deeply to be sent back") from None

    async def _operate(self, id: str, payload: Mapping[str, Any], caller: Caller) -> None:
        """Answer one operation. Its id is free again before the client gets the last message."""
        operations, threads, trace = self._endpoint.operations, self._endpoint.threads, token_hex(16)
        try:
            operations.admit(caller)
            call = await threads.run(operations.prepare, request_of(payload))
            if call.subscribes:
                await self._follow(id, call, caller, trace)
            executed = await threads.run(operations.run, call, caller, trace)
        except DocumentRefused as refused:
            last = {"type": "error", "payload": operations.answer_refused(refused, trace).answer["errors"]}
        except SubscriptionRefused as refused:
            last = {"type": "error", "payload": refused.errors}
        except (ClientGone, _Close):
            raise
        except Exception as error:
            last = {"type": "error", "payload": [operations.answer_failed(error, trace)]}
            forget_frames(error)
        else:
            if "data" in executed.answer:
                await self._send({"id": id, "type": "next", "payload": executed.answer})
                last = {"type": "complete"}
            else:
                last = {"type": "error", "payload": executed.answer["errors"]}
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]
        await self._send({"id": id, **last})

    async def _follow(self, id: str, call: OperationCall, caller: Caller, trace: str) -> Never:
        async with aclosing(self._endpoint.subscriptions.answers(call, caller, trace)) as answers:
            async for answer in answers:
                await self._send({"id": id, "type": "next", "payload": answer})
        raise AssertionError("a subscription has no end of its own")

    async def _next(self) -> dict[str, Any]:
        """Return the next message, an object with a type."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise ClientGone
        text = event.get("text")
        if text is None:
            raise _Close(4400, "Messages must be texts")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Close(4400, "Messages must be JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(4400, "Messages must be objects with a type")
        return message

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(DRAIN):
                await self._asgi_send({"type": "websocket.send", "text": orjson.dumps(message).decode()})
        except _LOST:
            raise ClientGone from None


def _id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not id:
        raise _Close(4400, "The id must be a text that is not empty")
    return id


def _reason(text: str) -> str:
    """Return as much of a text as fits in a close frame (RFC 6455, section 5.5)."""
    return text.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")


def _close_of(why: BaseException) -> _Close:
    if isinstance(why, _Close):
        return why
    if isinstance(why, ConnectionEnded) and why.reason is EndReason.CLOSING:
        return _Close(RESTARTING, why.reason.value)
    if isinstance(why, ConnectionEnded):
        return _Close(4403, why.reason.value)
    return _Close(TRY_AGAIN_LATER, _reason(str(why)))


async def _deny(error: AllowanceError, send: Send) -> None:
    """Refuse a handshake with the response of an error."""
    forget_frames(error)
    body = orjson.dumps({"error": {"code": error.code, "message": error.message}})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
