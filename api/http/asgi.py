"""Helpers for endpoints that are plain ASGI applications.

Objects for the request and the response would take half of the time of a small request.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeAlias, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

Header: TypeAlias = tuple[bytes, bytes]
T = TypeVar("T")


def header(scope: Scope, name: bytes) -> str | None:
    """Return a header by its lower-case name, None if there is none."""
    for known, value in scope["headers"]:
        if known == name:
            return str(value, "latin-1")
    return None


def list_header(scope: Scope, name: bytes) -> str | None:
    """Return a header that is a list, by its lower-case name; its lines are joined (RFC 9110, section 5.3)."""
    lines = [value for known, value in scope["headers"] if known == name]
    return str(b", ".join(lines), "latin-1") if lines else None


async def read_small_body(scope: Scope, receive: Receive, most: int) -> bytes | Request:
    """Return the body if it arrives in one message, without encoding and within `most` bytes.

    Returns:
        The body, or else a request to read it from.
    """
    first = await receive()
    body: bytes = first.get("body", b"")
    whole = first["type"] == "http.request" and not first.get("more_body") and len(body) <= most
    if whole and header(scope, b"content-encoding") is None:
        return body
    pending = [first]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return Request(scope, again)


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return the result of some work on a request whose body was received; cancel it once the client has gone.

    Raises:
        ClientDisconnect: The client went away first.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(until_gone(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def until_gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(send: Send, status: int, body: bytes, headers: Sequence[Header] = ()) -> None:
    """Send a response of JSON."""
    length = (b"content-length", b"%d" % len(body))
    start = [(b"content-type", b"application/json"), *headers, length]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def address_of(scope: Scope) -> str:
    """Return the address of the client; empty if the server does not know it."""
    client = scope.get("client")
    return str(client[0]) if client else ""
