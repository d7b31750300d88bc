"""Request bodies and JSON answers.

starlette-gzip-request was weighed: it unpacks without a bound, and a body of gzip may grow a thousandfold.
"""

import zlib
from collections.abc import Callable
from typing import Any, ClassVar, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from core.errors import BadInput, TooLarge
from core.text import shown

_GZIP: Final = 16 + zlib.MAX_WBITS
"""What zlib takes for "with the header of gzip"."""


class UnsupportedEncoding(BadInput):
    """A body packed in a way that is not known."""

    code = "UNSUPPORTED_ENCODING"
    status: ClassVar[int] = 415


class BadEncoding(BadInput):
    """A body that is not packed as it says."""

    code = "BAD_ENCODING"


class JsonResponse(Response):
    """An answer encoded by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def read_body(request: Request, most: int, grow: Callable[[int], None] = lambda size: None) -> bytes:
    """The body, unpacked where it came by gzip; `grow` is told of every byte more, and may raise.

    Raises :class:`TooLarge` as soon as it passes `most` bytes, :class:`UnsupportedEncoding` for another packing,
    and :class:`BadEncoding` for what is not gzip.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return await _unpacked(request, most, grow)
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


async def _unpacked(request: Request, most: int, grow: Callable[[int], None]) -> bytes:
    unpacked = bytearray()
    packed = 0
    member = zlib.decompressobj(_GZIP)
    try:
        async for part in request.stream():
            packed += len(part)
            if packed > most:  # as what is packed may also be nothing, again and again
                raise TooLarge(f"The body passes {most} bytes. Send it in parts.")
            while part:
                if member.eof:  # a file may be several, one after the other (RFC 1952, section 2.2)
                    member = zlib.decompressobj(_GZIP)
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
    """Let go of what led to an error that is answered.

    Its traceback leads to frames that hold the body and what was made of it, and back to itself: they would stay until
    the interpreter next looks for such circles.
    """
    error.__traceback__ = None
