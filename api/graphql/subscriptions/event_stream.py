"""Subscriptions as server-sent events: the "distinct connections mode" of GraphQL over SSE.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from api.graphql.operations.execute import OperationCall
from api.graphql.operations.run import Operations
from api.graphql.subscriptions.connections import ClientGone, ConnectionEnded, EndReason, OpenConnections
from api.graphql.subscriptions.subscribe import SubscriptionRefused, Subscriptions
from api.http.asgi import address_of, until_gone
from api.http.tracing import trace_id
from core.access.keys import Caller
from core.errors import Unauthenticated
from core.languages.negotiation import content_language

logger = logging.getLogger(__name__)

KEEP_ALIVE: Final = 12.0
"""Seconds between two comments, which show proxies and clients that the connection is alive."""
DRAIN: Final = 20.0
"""Seconds within which a client has to read each event."""
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"private, no-store"),
    (b"vary", b"Accept, Authorization, Accept-Language"),
    (b"x-accel-buffering", b"no"),  # otherwise nginx buffers events
]


def event(name: str, data: bytes = b"") -> bytes:
    """Return an event; its data is one line, as JSON is."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


class EventStreams:
    """The answers to subscriptions over HTTP, as streams of server-sent events."""

    def __init__(self, operations: Operations, subscriptions: Subscriptions, connections: OpenConnections) -> None:
        """Count streams among the open connections."""
        self._operations = operations
        self._subscriptions = subscriptions
        self._connections = connections

    async def answer(self, call: OperationCall, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream answers until one side ends.

        Raises:
            api.graphql.subscriptions.connections.TooManyConnections: The key or the address holds too many; raised
                before anything is sent.
        """
        with self._connections.from_address(address_of(scope)), self._connections.of(caller) as connection:
            trace = trace_id(scope)
            stream = _EventStream(self._operations, send, trace)
            try:
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": [*_HEADERS, (b"content-language", content_language(call.languages).encode())],
                    }
                )
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_until_gone(receive))
                    tasks.create_task(stream.keep_alive())
                    tasks.create_task(connection.until_ended())
                    async with aclosing(self._subscriptions.answers(call, caller, trace)) as answers:
                        async for answer in answers:
                            await stream.next(answer)
            except* ClientGone:
                pass
            except* Exception as ended:
                await stream.end(ended.exceptions[0])


class _EventStream:
    """The stream of events of one response."""

    def __init__(self, operations: Operations, send: Send, trace: str) -> None:
        self._operations = operations
        self._send = send
        self._trace = trace

    async def next(self, answer: Mapping[str, Any]) -> None:
        await self._write(event("next", orjson.dumps(answer)))

    async def end(self, why: Exception) -> None:
        """Send the errors that ended the stream, and its completion.

        A stream whose key could not be checked has no completion, so that the client connects again.
        """
        last = b""
        if errors := self._errors(why):
            last = event("next", orjson.dumps({"errors": errors})) + event("complete")
        elif isinstance(why, ConnectionEnded) and why.reason is EndReason.CLOSING:
            last = event("complete")
        try:
            await self._write(last, more=False)
        except ClientGone:
            logger.debug("The client left before the end of its stream.")

    def _errors(self, why: Exception) -> list[dict[str, Any]]:
        if isinstance(why, SubscriptionRefused):
            return why.errors
        if not isinstance(why, ConnectionEnded):
            return [self._operations.answer_failed(why, self._trace)]
        if why.reason in (EndReason.REVOKED, EndReason.EXPIRED):
            return [self._operations.answer_failed(Unauthenticated(why.reason.value), self._trace)]
        return []

    async def keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE)
            await self._write(b":\n\n")

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(DRAIN):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except (TimeoutError, OSError):
            raise ClientGone from None


async def _until_gone(receive: Receive) -> None:
    await until_gone(receive)
    raise ClientGone
