"""Files for everybody are read and compressed once, and are sent in parts."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from api.endpoints.pages import ELEMENTS, GRAPHIQL
from api.http.static_files import StaticFile
from tests.api.server import Served

on_sqlite = pytest.mark.parametrize("library", ["sqlite"], indirect=True)
LARGE = b"".join(b"line %d\n" % number for number in range(20_000))


def asked(file: StaticFile, *headers: tuple[bytes, bytes]) -> tuple[dict[bytes, bytes], list[bytes], int]:
    """The headers, the parts and the status of an answer."""
    messages: list[dict[str, Any]] = []

    async def receive() -> Any:
        raise AssertionError("a file reads no request")

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(file({"type": "http", "headers": headers}, receive, send))
    start, *parts = messages
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    return dict(start["headers"]), [part["body"] for part in parts], start["status"]


@pytest.fixture
def large(tmp_path: Path) -> StaticFile:
    path = tmp_path / "large.js"
    path.write_bytes(LARGE)
    return StaticFile(path, {"Cache-Control": "no-cache"})


def test_a_large_file_is_sent_in_parts(large: StaticFile) -> None:
    headers, parts, status = asked(large)
    assert (status, b"".join(parts)) == (200, LARGE)
    assert max(map(len, parts)) == 65_536
    assert headers[b"content-type"] == b"text/javascript; charset=utf-8"
    assert headers[b"content-length"] == b"%d" % len(LARGE)
    assert (headers[b"cache-control"], headers[b"vary"]) == (b"no-cache", b"Accept-Encoding")


def test_a_file_is_compressed_once(large: StaticFile, monkeypatch: pytest.MonkeyPatch) -> None:
    headers, parts, _ = asked(large, (b"accept-encoding", b"br, gzip"))
    assert headers[b"content-encoding"] == b"gzip"
    assert gzip.decompress(b"".join(parts)) == LARGE
    monkeypatch.setattr("zlib.compress", None)
    assert asked(large, (b"accept-encoding", b"gzip")) == (headers, parts, 200)
    assert b"content-encoding" not in asked(large, (b"accept-encoding", b"gzip;q=0"))[0]


@pytest.mark.parametrize("coding", [b"gzip", b"identity"])
def test_a_client_that_has_a_file_is_sent_no_content(large: StaticFile, coding: bytes) -> None:
    accepts = b"accept-encoding", coding
    tag = asked(large, accepts)[0][b"etag"]
    headers, parts, status = asked(large, accepts, (b"if-none-match", b'"other", ' + tag))
    assert (status, parts) == (304, [b""])
    assert headers == {b"cache-control": b"no-cache", b"vary": b"Accept-Encoding", b"etag": tag}
    assert asked(large, accepts, (b"if-none-match", b'"other"'))[2] == 200


def test_a_small_file_is_sent_as_it_is(tmp_path: Path) -> None:
    for name, content in (("empty.css", b""), ("small.css", b"a{}")):
        (tmp_path / name).write_bytes(content)
        headers, parts, _ = asked(StaticFile(tmp_path / name, {}), (b"accept-encoding", b"gzip"))
        assert (parts, b"content-encoding" in headers) == ([content], False)


@on_sqlite
def test_a_download_of_a_file_takes_no_time_for_compressing_it(library: Served) -> None:
    """Anybody may ask for a file again and again, without a token."""
    paths = [f"/elements/{file.name}" for file in ELEMENTS.iterdir()]
    paths += [f"/graphiql/assets/{file.name}" for file in (GRAPHIQL / "assets").iterdir()]
    with library.anonymous() as client:
        for path in paths:
            first = client.get(path, headers={"Accept-Encoding": "gzip"})
            assert first.status_code == 200
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("zlib.compress", None)
                patch.setattr("zlib.compressobj", None)
                again = client.get(path, headers={"Accept-Encoding": "gzip"})
            assert again.content == first.content
            head = client.head(path, headers={"Accept-Encoding": "gzip"})
            assert head.headers["content-length"] == first.headers["content-length"]
