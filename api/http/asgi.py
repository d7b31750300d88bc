"""Requests and answers without the objects that stand for them, for endpoints that are called by the million.

Half of the time of a small request would go into those.
"""

from collections.abc import Sequence
from typing import TypeAlias

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

Header: TypeAlias = tuple[bytes, bytes]


def header(scope: Scope, name: bytes) -> str | None:
    """A header by its lower-case name."""
    for known, value in scope["headers"]:
        if known == name:
            return str(value, "latin-1")
    return None


def list_header(scope: Scope, name: bytes) -> str | None:
    """A header that is a list, by its lower-case name; it may come in several lines (RFC 9110, section 5.3)."""
    found = [value for known, value in scope["headers"] if known == name]
    return str(b", ".join(found), "latin-1") if found else None


async def read_small_body(scope: Scope, receive: Receive, most: int) -> bytes | Request:
    """The body, where it comes whole, unpacked and in `most` bytes; or the request that it is to be read from."""
    first = await receive()
    body: bytes = first.get("body", b"")
    whole = first["type"] == "http.request" and not first.get("more_body") and len(body) <= most
    if whole and header(scope, b"content-encoding") is None:
        return body
    pending = [first]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return Request(scope, again)


async def send_json(send: Send, status: int, body: bytes, headers: Sequence[Header] = ()) -> None:
    """Answer with JSON."""
    length = (b"content-length", b"%d" % len(body))
    start = [(b"content-type", b"application/json"), *headers, length]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def address_of(scope: Scope) -> str:
    """The address that a connection comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""
