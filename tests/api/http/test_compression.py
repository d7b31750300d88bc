"""The negotiation of compression, and answers that are compressed by it."""

import gzip as standard
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.http.compression import SMALLEST, accepts_gzip, gzip
from api.http.server import MOST_MESSAGE
from tests.api.server import Served

VARY = "Accept, Accept-Encoding, Accept-Language, Authorization"
OVERVIEW = """
{ consumption(license: "acme") { sections { key title
  readings { id used limit status meter { key title description } } } } }
"""
FOLLOW = f"subscription {OVERVIEW.replace('consumption(', 'consumptionChanged(')}"
on_sqlite = pytest.mark.parametrize("library", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("*, gzip;q=0", False),
        ("*;q=0, gzip", True),
        ("notgzip", False),
        ("gzip2, deflate", False),
    ],
)
def test_a_client_says_whether_it_takes_gzip(accepted: str | None, taken: bool) -> None:
    assert accepts_gzip(accepted) is taken


@given(st.text(alphabet="gzipx*;q=0.1, -br", max_size=40))
def test_no_header_is_too_odd(accepted: str) -> None:
    assert isinstance(accepts_gzip(accepted), bool)


@given(st.binary(max_size=5_000))
def test_what_is_compressed_is_the_same_again(body: bytes) -> None:
    assert standard.decompress(gzip(body)) == body
    assert gzip(body) == gzip(body)


def ask(client: httpx2.Client, query: str, accepted: str, method: str = "POST", **more: str) -> httpx2.Response:
    headers = {"Accept-Encoding": accepted, **more}
    if method == "GET":
        return client.get("/graphql", params={"query": query}, headers=headers)
    return client.post("/graphql", json={"query": query}, headers=headers)


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_large_answers_are_compressed_for_whom_takes_it(library: Served, method: str) -> None:
    with library.client() as client:
        plain = ask(client, OVERVIEW, "identity", method)
        for _ in range(2):  # executed, and from the cache
            packed = ask(client, OVERVIEW, "gzip", method)
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.headers["vary"] == plain.headers["vary"] == VARY
            assert packed.json()["data"] == plain.json()["data"]
            assert int(packed.headers["content-length"]) < len(plain.content) / 3
        assert "content-encoding" not in plain.headers
        assert ask(client, OVERVIEW, "gzip;q=0", method).headers.get("content-encoding") is None
        assert ask(client, OVERVIEW, "br", method).content == plain.content


@on_sqlite
def test_small_answers_are_not_compressed(library: Served) -> None:
    with library.client() as client:
        answer = ask(client, "{ viewer { name } }", "gzip")
        assert len(answer.content) < SMALLEST
        assert "content-encoding" not in answer.headers
        assert answer.headers["vary"] == VARY


@on_sqlite
def test_each_form_of_an_answer_has_a_tag_of_its_own(library: Served) -> None:
    with library.client() as client:
        plain, packed = (ask(client, OVERVIEW, coding, "GET") for coding in ("identity", "gzip"))
        assert plain.headers["etag"] != packed.headers["etag"]
        for answer, coding in ((plain, "identity"), (packed, "gzip")):
            same = ask(client, OVERVIEW, coding, "GET", **{"If-None-Match": answer.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["etag"] == answer.headers["etag"]
            assert "content-encoding" not in same.headers
        assert ask(client, OVERVIEW, "gzip", "GET", **{"If-None-Match": plain.headers["etag"]}).status_code == 200


@on_sqlite
def test_answers_of_mutations_are_never_compressed_since_they_may_carry_a_secret(library: Served) -> None:
    put = 'put%d: putWebhookEndpoint(input: {key: "%d", license: "acme", url: "https://hooks.example"}) { secret }'
    with library.client() as client:
        answer = ask(client, "mutation { " + " ".join(put % (n, n) for n in range(20)) + " }", "gzip")
        assert len(answer.content) > SMALLEST
        assert len(answer.json()["data"]) == 20
        assert "content-encoding" not in answer.headers


@contextmanager
def greeted(library: Served, compression: str | None) -> Iterator[ClientConnection]:
    """A connection that is accepted."""
    url = f"{library.url.replace('http', 'ws')}/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    with connect(url, subprotocols=[protocol], compression=compression) as connection:
        token = library.token("consumption:read", license="acme")
        connection.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        assert json.loads(connection.recv(30)) == {"type": "connection_ack"}
        yield connection


def counted(received: list[int], receive: Callable[[bytes], None], data: bytes) -> None:
    received.append(len(data))
    receive(data)


@on_sqlite
def test_large_messages_over_web_socket_are_compressed_for_whom_takes_it(library: Served) -> None:
    answers = {}
    for name, compression in (("plain", None), ("packed", "deflate")):
        with greeted(library, compression) as connection:
            agreed = connection.response.headers.get("Sec-WebSocket-Extensions")  # type: ignore[union-attr]
            assert (agreed is not None) is (name == "packed")
            received: list[int] = []
            connection.protocol.receive_data = partial(counted, received, connection.protocol.receive_data)  # type: ignore[method-assign]
            connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}}))
            message = json.loads(connection.recv(30))
            answers[name] = message["payload"]["data"], sum(received)
    assert answers["plain"][0] == answers["packed"][0]
    assert answers["packed"][1] < answers["plain"][1] / 3


@on_sqlite
def test_a_message_that_grows_beyond_the_bound_is_refused(library: Served) -> None:
    with greeted(library, "deflate") as connection:
        connection.send(" " * (MOST_MESSAGE + 1))
        with pytest.raises(Exception, match="1009"):
            connection.recv(30)
