"""Request bodies and JSON answers.

starlette-gzip-request was weighed: it unpacks without a bound, and a body of gzip may grow a thousandfold.
"""

import zlib
from collections.abc import Callable
from typing import Any, ClassVar, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from api.http.asgi import read_small_body
from core.errors import BadInput, TooLarge
from core.text import shown

_GZIP: Final = 16 + zlib.MAX_WBITS
"""The window size by which zlib expects the header of gzip."""

MOST_MEMBERS: Final = 1000
"""Members of gzip in a body. Each takes time also if it holds nothing, and a packed body could hold 800,000."""


class UnsupportedEncoding(BadInput):
    """A body with a content encoding other than gzip."""

    code = "UNSUPPORTED_ENCODING"
    status: ClassVar[int] = 415


class BadEncoding(BadInput):
    """A body that is not gzip although its content encoding says so."""

    code = "BAD_ENCODING"


class JsonResponse(Response):
    """A response encoded by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)


async def read_body(request: Request, most: int, grow: Callable[[int], None] = lambda size: None) -> bytes:
    """Return the body, decompressed if it is gzip.

    Args:
        request: The request.
        most: Bytes of the largest body, before and after decompression.
        grow: Called with the number of bytes of each new part; may raise.

    Raises:
        TooLarge: The body is larger, or has more members of gzip than MOST_MEMBERS; raised before the rest is read.
        UnsupportedEncoding: The content encoding is not gzip.
        BadEncoding: The body is not gzip although its content encoding says so.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return await _decompress(request, most, grow)
    if encoding != "identity":
        raise UnsupportedEncoding(f"Content-Encoding {shown(encoding)} is not known; send gzip, or nothing packed.")
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"The body passes {most} bytes. Send it in parts.")
        grow(len(part))
        parts.append(part)
    return b"".join(parts)


async def read_whole_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the body as :func:`read_body` does, without an object for the request if it arrives in one message."""
    body = await read_small_body(scope, receive, most)
    return body if isinstance(body, bytes) else await read_body(body, most)


async def _decompress(request: Request, most: int, grow: Callable[[int], None]) -> bytes:
    unpacked = bytearray()
    packed = 0
    member, members = zlib.decompressobj(_GZIP), 1
    try:
        async for part in request.stream():
            packed += len(part)
            if packed > most:  # since a body may also decompress to nothing, again and again
                raise TooLarge(f"The body passes {most} bytes. Send it in parts.")
            while part:
                if member.eof:  # a file may have several members (RFC 1952, section 2.2)
                    member, members = zlib.decompressobj(_GZIP), members + 1
                    if members > MOST_MEMBERS:
                        raise TooLarge(f"The body has more than {MOST_MEMBERS} members of gzip. Pack it as one.")
                more = member.decompress(part, most + 1 - len(unpacked))
                if len(unpacked) + len(more) > most:
                    raise TooLarge(f"The body passes {most} bytes when it is unpacked. Send it in parts.")
                grow(len(more))
                unpacked += more
                part = member.unused_data or member.unconsumed_tail  # noqa: PLW2901
    except zlib.error:
        raise BadEncoding("The body is not gzip, as its Content-Encoding says.") from None
    if not member.eof:
        raise BadEncoding("The body ends before its gzip does.")
    return bytes(unpacked)


def forget_frames(error: Exception) -> None:
    """Drop the traceback of an error that is answered.

    The frames of the traceback hold the body and its contents, and refer back to the error: they would stay in memory
    until the next garbage collection.
    """
    error.__traceback__ = None
