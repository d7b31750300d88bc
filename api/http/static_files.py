"""Files that are the same for everybody, sent from memory.

Starlette's StaticFiles with its middleware for gzip was weighed: it reads and compresses a file again for each request,
the latter on the event loop. Whoever downloaded a large file, without any token, made all others wait.
"""

import asyncio
import mimetypes
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.asgi import Header, list_header
from api.http.compression import SMALLEST, accepts_gzip
from api.http.etags import matches, weak_tag

_LEVEL: Final = 9
"""The level of zlib. A file is compressed once."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_PART: Final = 2**16
"""Bytes that are sent at once, so that slow clients do not fill the memory with copies."""
_SAME: Final = (b"cache-control", b"vary", b"etag", b"access-control-allow-origin")
"""Headers of an answer that the client has already (RFC 9110, section 15.4.5)."""


class _Form(NamedTuple):
    """The content of a file in one coding, with the headers that state it."""

    body: bytes
    etag: bytes
    coding: tuple[Header, ...] = ()


class StaticFile:
    """A file, which is read and compressed when it is first asked for."""

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        """Serve a file with further headers."""
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        kind += "; charset=utf-8" if kind.startswith("text/") else ""
        stated = {"content-type": kind, "vary": "Accept-Encoding", **headers}
        self._path: Final = path
        self._headers: Final[list[Header]] = [(name.lower().encode(), text.encode()) for name, text in stated.items()]
        self._forms: tuple[_Form, _Form] | None = None
        self._reading: Final = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        plain, packed = self._forms or await self._read()
        body, etag, coding = packed if accepts_gzip(list_header(scope, b"accept-encoding")) else plain
        headers = [*self._headers, (b"etag", etag)]
        if matches(list_header(scope, b"if-none-match"), etag):
            headers = [(name, value) for name, value in headers if name in _SAME]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers += [*coding, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for begin in range(0, max(len(body), 1), _PART):
            part = body[begin : begin + _PART]
            await send({"type": "http.response.body", "body": part, "more_body": begin + _PART < len(body)})

    async def _read(self) -> tuple[_Form, _Form]:
        async with self._reading:
            if self._forms is None:
                self._forms = await asyncio.to_thread(_read_forms, self._path)
            return self._forms


class StaticFolder:
    """The files of a folder, as they are when the server starts; each is a path below the route of the folder."""

    def __init__(self, folder: Path, headers: Mapping[str, Mapping[str, str]], others: Mapping[str, str]) -> None:
        """Serve the files directly inside of a folder.

        Args:
            folder: The folder.
            headers: Further headers of some files, by their names.
            others: Further headers of all other files.
        """
        files = [path for path in folder.iterdir() if path.is_file()]
        self._files: Final[Mapping[str, ASGIApp]] = {
            path.name: StaticFile(path, headers.get(path.name, others)) for path in files
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            starlette.exceptions.HTTPException: There is no such file.
        """
        file = self._files.get(scope["path_params"]["name"])
        if file is None:
            raise HTTPException(404)
        await file(scope, receive, send)


def _read_forms(path: Path) -> tuple[_Form, _Form]:
    """Return a file as it is and packed, which is the same if packing does not make it smaller."""
    body = path.read_bytes()
    plain = _Form(body, weak_tag(body))
    packed = zlib.compress(body, _LEVEL, _GZIP)
    if len(body) < SMALLEST or len(packed) >= len(body):
        return plain, plain
    return plain, _Form(packed, weak_tag(body, b"gzip"), ((b"content-encoding", b"gzip"),))
