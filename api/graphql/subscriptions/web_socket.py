"""GraphQL over WebSocket: the endpoint, and the conversation over each connection.

The Origin header is not checked. A page of another origin may connect, but learns nothing without a token, which
browsers do not send by themselves as they send cookies.

Strawberry's handler of this protocol was weighed: it executes past the limits and plans of operations, and does not end
the connections of a key that is revoked.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from secrets import token_hex
from typing import Any, ClassVar, Final, Never
from weakref import WeakSet

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from api.graphql.operations.execute import OperationCall
from api.graphql.operations.executions import Executions
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
from api.graphql.subscriptions.protocol import (
    PROTOCOL,
    Close,
    CloseCode,
    InitLanguages,
    close_for,
    init_languages,
    init_token,
    operation_id,
    operation_payload,
    read_message,
)
from api.graphql.subscriptions.subscribe import SubscriptionRefused, Subscriptions
from api.http.asgi import address_of, header, list_header
from api.http.bodies import forget_frames
from api.http.callers import find_caller
from api.http.languages import named_languages
from core.access.authenticator import Authenticator
from core.access.keys import Caller
from core.access.rate_limit import RateLimit
from core.errors import AllowanceError, BadInput, RateLimited, Unauthenticated
from core.languages.negotiation import ENGLISH_ALONE, BadLanguage, Languages

INIT: Final = 10.0
"""Seconds within which a client has to send connection_init."""
GREETING: Final = 10
"""Messages within which a client has to send connection_init; pings and pongs may come before it."""
MESSAGES: Final = 1_000
"""Messages that the connections of one key may send in a second, all together. More wait, and no other key for them."""
_LARGE: Final = 2_048
"""Bytes of a message that count as one more."""
DRAIN: Final = 20.0
"""Seconds within which a client has to read each message."""
_LOST: Final = (TimeoutError, OSError, RuntimeError)
"""Errors of sending over a closed connection; RuntimeError if this server closed it."""


class BadSubprotocol(BadInput):
    """A handshake that does not offer the protocol graphql-transport-ws."""

    code = "BAD_SUBPROTOCOL"


class TooManySubscriptions(AllowanceError):
    """Too many operations under way on one connection."""

    code = "TOO_MANY_SUBSCRIPTIONS"
    status: ClassVar[int] = 429


class WebSocketEndpoint:
    """The endpoint of GraphQL over WebSocket, at the path of the endpoint over HTTP."""

    def __init__(
        self,
        authenticator: Authenticator,
        operations: Operations,
        executions: Executions,
        subscriptions: Subscriptions,
        connections: OpenConnections,
        *,
        most: int,
    ) -> None:
        """Serve all operations over WebSocket.

        Args:
            authenticator: The callers of this process.
            operations: The operations of this process.
            executions: Executes them in threads.
            subscriptions: Answers subscriptions.
            connections: The open connections of this process.
            most: Operations that may be under way on a connection at once.
        """
        self.authenticator = authenticator
        self.most = most
        self.operations = operations
        self.subscriptions = subscriptions
        self.connections = connections
        self.executions = executions
        self.messages = RateLimit(MESSAGES, MESSAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await receive()  # websocket.connect
        try:
            if PROTOCOL not in scope["subprotocols"]:
                raise BadSubprotocol(f"Offer the subprotocol {PROTOCOL}; no other is spoken here.")
            address, named = address_of(scope), named_languages(scope, self.operations.negotiator)
            with self.connections.from_address(address), ExitStack() as ungreeted:
                ungreeted.enter_context(self.connections.ungreeted(address))
                await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
                await _Conversation(self, scope, named, receive, send, ungreeted.close).hold()
        except AllowanceError as error:
            await _deny(error, send)


class _Conversation:
    """The messages of one connection. Its operations are tasks of a group, which ends with the connection."""

    def __init__(
        self,
        endpoint: WebSocketEndpoint,
        scope: Scope,
        named: Languages | None,
        receive: Receive,
        send: Send,
        greeted: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        self._named = named
        self._accept_language = list_header(scope, b"accept-language")
        self._languages = ENGLISH_ALONE
        self._authorization = header(scope, b"authorization")
        self._address = address_of(scope)
        self._greeted = greeted
        self._receive = receive
        self._asgi_send = send
        self._size = 0
        """Bytes of the last message."""
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._following = WeakSet[asyncio.Task[Any]]()
        """The tasks of subscriptions."""

    async def hold(self) -> None:
        """Serve messages until either side ends the connection."""
        closes: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                caller = await self._greet()
                with self._endpoint.connections.of(caller) as connection:
                    self._greeted()
                    tasks.create_task(connection.until_ended())
                    await self._send({"type": "connection_ack"})
                    while True:
                        message = await self._next()
                        await self._wait_for_turn(caller)
                        await self._take(message, caller, tasks)
        except* ClientGone:
            pass
        except* (Close, ConnectionEnded, TooManyConnections) as group:
            closes.extend(group.exceptions)
        except* SQLAlchemyError as group:
            self._endpoint.operations.answer_failed(group.exceptions[0], token_hex(16))
            closes.append(Close(CloseCode.TRY_AGAIN_LATER, "The database does not answer now; try again."))
        except* Exception as group:
            self._endpoint.operations.answer_failed(group.exceptions[0], token_hex(16))
            closes.append(Close(CloseCode.INTERNAL_ERROR, "This went wrong on the server."))
        if closes:
            await self._complete_for(closes[0])
            await self._close(close_for(closes[0]))

    async def _complete_for(self, why: BaseException) -> None:
        """Complete the subscriptions if the server stops."""
        if isinstance(why, ConnectionEnded) and why.reason is EndReason.CLOSING:
            with suppress(ClientGone):
                for id, task in self._operations.items():
                    if task in self._following:
                        await self._send({"id": id, "type": "complete"})

    async def _close(self, close: Close) -> None:
        with suppress(*_LOST):
            async with asyncio.timeout(DRAIN):
                await self._asgi_send({"type": "websocket.close", "code": close.code, "reason": close.reason})

    async def _greet(self) -> Caller:
        """Wait for connection_init, and return the caller that it names."""
        try:
            async with asyncio.timeout(INIT):
                for _ in range(GREETING):
                    message = await self._next()
                    if message["type"] == "connection_init":
                        break
                    if message["type"] not in ("ping", "pong"):
                        raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")
                    await self._keep_alive(message)
                else:
                    raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")
        except TimeoutError:
            raise Close(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout") from None
        authorization = init_token(message, self._authorization)
        stated = init_languages(message, self._accept_language)
        self._authorization = None  # a token is not held longer than needed
        try:
            caller = await find_caller(self._endpoint.authenticator, authorization, self._address)
            self._languages = self._choose(stated, caller.language)
            return caller
        except Unauthenticated:
            raise Close(CloseCode.FORBIDDEN, "Forbidden") from None
        except RateLimited as limited:
            raise Close(CloseCode.TRY_AGAIN_LATER, limited.message) from None

    def _choose(self, stated: InitLanguages, person: str | None) -> Languages:
        """Return the languages of the connection: named in the greeting or the URL, else the person's, else accepted.

        Raises:
            Close: The greeting names something else than a language tag.
        """
        negotiator = self._endpoint.operations.negotiator
        try:
            named = negotiator.named(stated.lang) if stated.lang else self._named
        except BadLanguage as error:
            raise Close(CloseCode.BAD_REQUEST, error.message) from None
        return named or negotiator.accepted(person or stated.accept_language)

    async def _take(self, message: Mapping[str, Any], caller: Caller, tasks: asyncio.TaskGroup) -> None:
        kind = message["type"]
        if kind in ("ping", "pong"):
            await self._keep_alive(message)
        elif kind == "subscribe":
            id = operation_id(message)
            if id in self._operations:
                raise Close(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {id} already exists")
            payload = operation_payload(message)
            if len(self._operations) >= self._endpoint.most:
                error = TooManySubscriptions(f"{self._endpoint.most} operations are under way; end one first.")
                errors = [self._endpoint.operations.answer_failed(error, token_hex(16))]
                await self._send({"id": id, "type": "error", "payload": errors})
                return
            self._operations[id] = tasks.create_task(self._operate(id, payload, caller))
        elif kind == "complete":
            if task := self._operations.pop(operation_id(message), None):
                task.cancel()
        elif kind == "connection_init":
            raise Close(CloseCode.TOO_MANY_INITS, "Too many initialisation requests")
        else:
            raise Close(CloseCode.BAD_REQUEST, f"Unknown message type {kind}")

    async def _wait_for_turn(self, caller: Caller) -> None:
        """Count the last message of a key, and wait while the key has sent too many. Nothing is read meanwhile."""
        messages = self._endpoint.messages
        messages.add(caller.account, -1 - self._size // _LARGE)
        if wait := messages.seconds_in_debt(caller.account):
            await asyncio.sleep(wait)

    async def _keep_alive(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "ping":
            payload = {"payload": message["payload"]} if "payload" in message else {}
            try:
                await self._send({"type": "pong", **payload})
            except orjson.JSONEncodeError:
                raise Close(CloseCode.BAD_REQUEST, "The payload is nested too deeply to be sent back") from None

    async def _operate(self, id: str, payload: Mapping[str, Any], caller: Caller) -> None:
        """Answer one operation. Its id is free again before the client gets the last message."""
        operations, executions, trace = self._endpoint.operations, self._endpoint.executions, token_hex(16)
        try:
            operations.admit(caller)
            read = partial(request_of, payload)
            call = await executions.prepare(caller, read, self._languages, small=True)
            if call.subscribes:
                await self._follow(id, call, caller, trace)
            answer = await executions.run(call, caller, trace, lambda result: result.answer)
        except DocumentRefused as refused:
            last = {"type": "error", "payload": operations.answer_refused(refused, trace).answer["errors"]}
        except SubscriptionRefused as refused:
            last = {"type": "error", "payload": refused.errors}
        except (ClientGone, Close):
            raise
        except Exception as error:
            last = {"type": "error", "payload": [operations.answer_failed(error, trace)]}
            forget_frames(error)
        else:
            if "data" in answer:
                await self._send({"id": id, "type": "next", "payload": executions.with_throttle_status(answer, caller)})
                last = {"type": "complete"}
            else:
                last = {"type": "error", "payload": answer["errors"]}
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]
        await self._send({"id": id, **last})

    async def _follow(self, id: str, call: OperationCall, caller: Caller, trace: str) -> Never:
        if task := asyncio.current_task():
            self._following.add(task)
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
        self._size = len(text or "")
        return read_message(text)

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(DRAIN):
                await self._asgi_send({"type": "websocket.send", "text": orjson.dumps(message).decode()})
        except _LOST:
            raise ClientGone from None


async def _deny(error: AllowanceError, send: Send) -> None:
    """Refuse a handshake with the response of an error."""
    forget_frames(error)
    body = orjson.dumps({"error": {"code": error.code, "message": error.message}})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
