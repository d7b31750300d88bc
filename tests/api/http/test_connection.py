"""Bounds on what comes over a connection of HTTP before any token is known."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.endpoints.pages import ELEMENTS
from api.http import server
from api.http.connection import MOST_HEAD, MOST_WAITING
from core.settings import Settings
from tests.api.http.raw import answer_to, connected, end_of, head, send_until_ended, status_of
from tests.api.server import Served, serving
from tests.api.test_metrics import samples
from tests.e2e.processes import eventually
from tests.forms import examples

SETTINGS: dict[str, Any] = {
    "head_seconds": 10,
    "body_seconds": 40,
    "least_bytes_per_second": 100,
    "connections_per_address": 3,
}


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server whose seconds take a tenth of a second."""
    module_patch.setattr(server, "TICKS", 1)
    url = f"sqlite:///{tmp_path_factory.mktemp('connection') / 'test.db'}"
    with serving(Settings(database_url=url, **SETTINGS)) as served:
        yield served


@pytest.fixture
def refused(served: Served) -> Iterator[dict[str, float]]:
    """The connections that were refused or ended during the test, by reason; filled by :func:`ended`."""
    with served.client() as client:
        yield {reason: -number for (reason,), number in samples(client, "allowance_connections_refused_total").items()}


def ended(served: Served, before: dict[str, float]) -> dict[str, float]:
    """The connections that were refused or ended since, by reason."""
    with served.client() as client:
        now = samples(client, "allowance_connections_refused_total")
    return {reason: now[(reason,)] + number for reason, number in before.items() if now[(reason,)] + number}


def padded(size: int) -> bytes:
    """The head of a request with so many bytes."""
    empty = head(b"x-padding: ")
    return head(b"x-padding: " + b"a" * (size - len(empty)))


@examples(40)
@given(size=st.integers(MOST_HEAD - 3, MOST_HEAD + 3) | st.integers(100, 2 * MOST_HEAD), cut=st.floats(0, 1))
def test_a_head_is_served_up_to_64_kib_however_it_is_cut(served: Served, size: int, cut: float) -> None:
    request = padded(size)
    at = int(cut * size)
    with connected(served.url) as connection:
        connection.sendall(request[:at])
        connection.sendall(request[at:])
        if size <= MOST_HEAD:
            assert status_of(connection.recv(4096)) == 200
        else:
            response = end_of(connection)
            # The system drops a response if bytes come that nobody reads.
            assert response == b"" or status_of(response) == 431


def test_a_head_without_an_end_is_refused_with_a_code(served: Served, refused: dict[str, float]) -> None:
    with connected(served.url) as connection:
        connection.sendall(padded(MOST_HEAD + 4)[:-3])
        response = end_of(connection)
    assert status_of(response) == 431
    assert b'{"error":{"code":"TOO_LARGE","message":"The head of the request is too large."}}' in response
    assert ended(served, refused) == {"head_size": 1}


@pytest.mark.parametrize("first", [b"", b"GET /heal", head(b"x: y")[:-2]])
def test_a_head_that_does_not_come_ends_the_connection(served: Served, refused: dict[str, float], first: bytes) -> None:
    with connected(served.url) as connection:
        connection.sendall(first)
        response = end_of(connection)
    assert b"HTTP/1.1 408 Request Timeout" in response
    assert ended(served, refused) == {"head_time": 1}


def test_a_second_head_that_does_not_come_ends_the_connection(served: Served, refused: dict[str, float]) -> None:
    with connected(served.url) as connection:
        assert answer_to(connection, head()) == 200
        connection.sendall(b"POST")
        assert status_of(end_of(connection)) == 408
    assert ended(served, refused) == {"head_time": 1}


def test_a_head_that_comes_byte_by_byte_ends_the_connection(served: Served, refused: dict[str, float]) -> None:
    with connected(served.url) as connection:
        connection.sendall(b"GET /")
        send_until_ended(connection, b"a", 0.05)
    assert ended(served, refused) == {"head_time": 1}


@pytest.mark.parametrize("fields", [b"transfer-encoding: chunked", b"content-length: 100000"])
def test_a_body_that_does_not_come_ends_the_request(served: Served, refused: dict[str, float], fields: bytes) -> None:
    token = b"authorization: Bearer " + served.token().encode()
    with connected(served.url) as connection:
        connection.sendall(head(token, fields, b"content-type: application/json", method=b"POST", path=b"/events"))
        assert status_of(end_of(connection)) == 408
    assert ended(served, refused) == {"body_time": 1}
    eventually(lambda: served.tasks() <= 2)


def test_a_body_that_comes_byte_by_byte_ends_the_request(served: Served, refused: dict[str, float]) -> None:
    token = b"authorization: Bearer " + served.token().encode()
    fields = (token, b"content-length: 100000", b"content-type: application/json")
    with connected(served.url) as connection:
        connection.sendall(head(*fields, method=b"POST", path=b"/graphql"))
        send_until_ended(connection, b" ", 0.05)
    assert ended(served, refused) == {"body_time": 1}


def test_a_body_that_comes_fast_enough_has_its_own_deadline(served: Served, refused: dict[str, float]) -> None:
    token = b"authorization: Bearer " + served.token().encode()
    fields = (token, b"content-length: 10000000", b"content-type: application/json")
    with connected(served.url) as connection:
        connection.sendall(head(*fields, method=b"POST", path=b"/events"))
        assert send_until_ended(connection, b" " * 1000, 0.02) >= 4
    assert ended(served, refused) == {"body_time": 1}


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param((b"1\r\n \r\n0\r\n", b"x-trailer: " + b"a" * 989 + b"\r\n"), id="trailers"),
        pytest.param((b"1;", b"extension" * 100), id="extension of a chunk"),
    ],
)
def test_what_follows_parts_of_a_body_is_bounded_as_a_head_is(
    served: Served, refused: dict[str, float], endless: tuple[bytes, bytes]
) -> None:
    token = b"authorization: Bearer " + served.token().encode()
    fields = (token, b"transfer-encoding: chunked", b"content-type: application/json")
    with connected(served.url) as connection:
        connection.sendall(head(*fields, method=b"POST", path=b"/graphql") + endless[0])
        send_until_ended(connection, endless[1])
    assert ended(served, refused) == {"head_size": 1}


def test_the_body_of_a_refused_request_is_not_read_for_ever(served: Served, refused: dict[str, float]) -> None:
    with connected(served.url) as connection:
        request = head(b"content-length: 100000", method=b"POST", path=b"/graphql")
        assert answer_to(connection, request) == 401
        send_until_ended(connection, b" ", 0.05)
    assert ended(served, refused) == {"head_time": 1}


def test_an_answer_that_is_read_too_slowly_ends_the_connection(served: Served, refused: dict[str, float]) -> None:
    large = max(ELEMENTS.iterdir(), key=lambda file: file.stat().st_size)
    with connected(served.url) as connection:
        requests = head(path=b"/elements/" + large.name.encode()) * 100  # more than the system's buffers hold
        connection.sendall(requests)
        eventually(lambda: ended(served, refused))
    assert ended(served, refused) == {"unread": 1}


def test_requests_that_wait_for_an_answer_on_their_connection_are_bounded(
    served: Served, refused: dict[str, float]
) -> None:
    with connected(served.url) as connection:
        connection.sendall(head() * (MOST_WAITING + 1))
        answered = 0
        while answered < MOST_WAITING + 1:
            part = connection.recv(65_536)
            assert part
            answered += part.count(b"HTTP/1.1 200 OK")
    with connected(served.url) as connection:
        connection.sendall(head() * (MOST_WAITING + 2))
        assert end_of(connection).count(b"HTTP/1.1 200 OK") <= MOST_WAITING + 1
    assert ended(served, refused) == {"pipelined": 1}


def test_connections_that_are_served_stay_open(served: Served, refused: dict[str, float]) -> None:
    with connected(served.url) as connection:
        for _ in range(20):
            assert answer_to(connection, head()) == 200
            sleep(0.1)
    assert ended(served, refused) == {}


def test_noise_is_answered_and_counted_and_fills_no_log(
    served: Served, refused: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    for noise in (b"\x16\x03\x01\x02\x00\x01", b"no http\r\n\r\n"):
        with connected(served.url) as connection:
            connection.sendall(noise)
            assert status_of(end_of(connection)) == 400
    with connected(served.url) as connection:
        assert answer_to(connection, head(b"connection: upgrade", b"upgrade: h2c")) == 200
    assert ended(served, refused) == {"malformed": 2}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_address_holds_so_many_connections_and_a_proxy_any_number(tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'test.db'}", connections_per_address=3, trusted_proxies="127.0.0.9"
    )
    with serving(settings) as served, ExitStack() as stack:
        held = [stack.enter_context(connected(served.url)) for _ in range(3)]
        assert [answer_to(connection, head()) for connection in held] == [200] * 3
        with connected(served.url) as fourth:
            response = end_of(fourth)
        assert status_of(response) == 429
        assert b"retry-after: 5\r\n" in response
        assert b'"code":"TOO_MANY_CONNECTIONS"' in response
        for source in ["127.0.0.2", *["127.0.0.9"] * 4]:
            other = stack.enter_context(connected(served.url, source))
            assert answer_to(other, head()) == 200
        assert answer_to(held[0], head()) == 200
        held[0].close()

        def is_free() -> bool:
            with connected(served.url) as again:
                return answer_to(again, head()) == 200

        eventually(is_free)
