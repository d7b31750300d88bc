"""One request to a server that answers well, badly, slowly, endlessly or not at all."""

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from core.addresses.public_network import networks_of
from core.delivery.webhooks import send as module
from core.delivery.webhooks.send import LONGEST_ANSWER, MOST_READ, NotAnswered, post
from tests.core.delivery.webhooks.receiver import Receiver, Talk, answer, receiving

LOCAL = networks_of("127.0.0.0/8")
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LONG = 60.0
"""Seconds that no test takes, unless something waits for ever."""


def send(
    url: str, body: bytes = b"{}", networks: Any = LOCAL, context: ssl.SSLContext = NO_TLS
) -> module.EndpointResponse:
    return post(url, {"webhook-id": "an id"}, body, networks, context)


def problem(url: str, **how: Any) -> str:
    with pytest.raises(NotAnswered) as failed:
        send(url, **how)
    return str(failed.value)


def test_the_request_is_a_post_of_the_body_with_the_headers() -> None:
    with receiving(answer("201 Created", b"thanks")) as receiver:
        found = send(receiver.url(path="/hooks?tenant=1"), b'{"a":1}')
        assert (found.status, found.text) == (201, "thanks")
        [request] = receiver.requests
    assert request.line == "POST /hooks?tenant=1 HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (request.headers["webhook-id"], request.headers["content-length"]) == ("an id", "7")
    assert request.body == b'{"a":1}'


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv(variable, proxy.url())
        assert send(receiver.url()).status == 200
        assert (len(receiver.requests), proxy.requests) == (1, [])


def test_a_redirect_is_an_answer_like_any_other() -> None:
    with receiving() as private:
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
            with receiving(answer(status, Location=private.url())) as receiver:
                found = send(receiver.url())
                assert (found.status, found.headers["location"]) == (int(status[:3]), private.url())
        assert private.requests == []


def closing(connection: socket.socket, over: threading.Event) -> None:
    """Says nothing."""


def half(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200")


def nonsense(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def long_nonsense(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"\0" * 90_000 + b"\r\n\r\n")


def endless_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.is_set():
        connection.sendall(b"X-More: " + b"x" * 10_000 + b"\r\n")


@pytest.mark.parametrize("talk", [closing, half, nonsense, long_nonsense, endless_headers])
def test_a_server_that_does_not_answer_as_http_has_it_is_said_so(talk: Talk) -> None:
    with receiving(talk) as receiver:
        said = problem(receiver.url())
    assert said.startswith("It did not answer as HTTP has it: ")
    assert len(said) < 300


def hanging(connection: socket.socket, over: threading.Event) -> None:
    over.wait(LONG)


def dripping(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
    while not over.wait(0.02):
        connection.sendall(b"x")


def interim(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.02):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


@pytest.mark.parametrize(
    ("talk", "limit"),
    [(hanging, "DEADLINE"), (dripping, "DEADLINE"), (interim, "DEADLINE"), (hanging, "SILENCE")],
)
def test_a_server_that_draws_it_out_is_left_by_the_deadline(
    talk: Talk, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 0.3)
    with receiving(talk) as receiver:
        assert problem(receiver.url()) == "It took too long."


def test_a_server_that_reads_nothing_is_left_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        assert problem(url, body=b"x" * 50_000_000) == "It took too long."


def test_a_server_that_refuses_before_it_has_read_all_is_heard() -> None:
    said = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    def refuse(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(100)
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=refuse, args=(listening,), daemon=True)
        thread.start()
        assert send(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"x" * 1_000_000).status == 413
        thread.join()


def lying(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def too_long(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokand more than it said")


def drips_its_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun")
    while not over.wait(0.02):
        connection.sendall(b".")


@pytest.mark.parametrize(("talk", "text"), [(lying, "short"), (too_long, "ok"), (drips_its_body, "begun")])
def test_what_a_server_said_of_the_status_counts_whatever_its_body_does(
    talk: Talk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE", 2.0)
    with receiving(talk) as receiver:
        found = send(receiver.url())
    assert (found.status, found.text[: len(text)]) == (200, text)


def endless(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def test_of_an_endless_answer_a_little_is_read() -> None:
    with receiving(endless) as receiver:
        found = send(receiver.url())
    assert (found.status, found.text) == (500, "x" * LONGEST_ANSWER)


def test_of_interim_answers_without_an_end_no_more_than_a_little_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE", LONG)
    sent = 0

    def talk(connection: socket.socket, over: threading.Event) -> None:
        nonlocal sent
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**14)
        with suppress(OSError):
            while not over.is_set():
                sent += connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    with receiving(talk) as receiver:
        said = f"It did not answer as HTTP has it: more than {MOST_READ} bytes came."
        assert problem(receiver.url()) == said
    assert sent < 2**24  # what the buffers of both sides took beside it


def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    with receiving(answer(body=bomb, Content_Encoding="gzip")) as receiver:
        found = send(receiver.url())
        assert receiver.requests[0].headers.get("accept-encoding") is None
    assert (found.status, found.text) == (200, "[gzip]")


def test_an_answer_is_kept_as_it_can_be_shown() -> None:
    with receiving(answer(body=b"a\0b\x1b[31m\xff\xfe \xc3\xa9\n")) as receiver:
        assert send(receiver.url()).text == "a�b�[31m�� é\n"


def test_a_port_that_nobody_listens_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert problem(f"http://127.0.0.1:{port}/") == "It could not be reached: Connection refused."


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_is_sent_to_an_address_that_is_not_allowed(host: str) -> None:
    with receiving() as receiver:
        for scheme, networks in (("http", networks_of("10.0.0.0/8")), ("https", [])):
            said = problem(receiver.url(host, scheme=scheme), networks=networks)
            assert said == "Its URL leads to an address that webhooks may not go to."
        assert receiver.requests == []


def named(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names stand for one list of addresses after the other; what was asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *rest, **more)
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = named(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    with receiving() as receiver:
        assert send(receiver.url("hooks.example"), networks=networks_of("127.0.0.1/32")).status == 200
        assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"
    assert asked == ["hooks.example"]


def test_a_name_with_several_addresses_is_reached_at_the_first_that_is_allowed_and_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named(monkeypatch, ["127.0.0.3", "127.0.0.2", "127.0.0.1"])
    with receiving() as receiver:  # at 127.0.0.1 alone
        assert send(receiver.url("hooks.example"), networks=networks_of("127.0.0.1/32,127.0.0.2/32")).status == 200


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(context)
    with receiving(tls=context) as receiver:
        yield receiver


def test_over_tls_the_name_is_asked_for_and_verified_at_the_address_that_was_checked(
    secure: Receiver, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, ["127.0.0.1"])
    assert send(secure.url("hooks.example", scheme="https"), context=trusting).status == 200
    assert secure.server_names == ["hooks.example"]
    said = problem(secure.url("other.example", scheme="https"), context=trusting)
    assert said == (
        "Its certificate is not to be trusted: Hostname mismatch, certificate is not valid for 'other.example'."
    )
    assert len(secure.requests) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named(monkeypatch, ["127.0.0.1"])
    said = problem(secure.url("hooks.example", scheme="https"), context=ssl.create_default_context())
    assert said.startswith("Its certificate is not to be trusted: unable to get local issuer certificate")
    assert secure.requests == []


def test_a_tls_handshake_that_hangs_is_left_by_the_deadline(
    trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE", 0.3)
    named(monkeypatch, ["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://hooks.example:{silent.getsockname()[1]}/"
        assert problem(url, context=trusting) == "It took too long."


def test_a_server_without_tls_is_not_spoken_to(trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, ["127.0.0.1"])

    def speak(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(b"220 mail.example ESMTP\r\n")
            while connection.recv(1000):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=speak, args=(listening,), daemon=True)
        thread.start()
        said = problem(f"https://hooks.example:{listening.getsockname()[1]}/", context=trusting)
        thread.join()
    assert said.startswith("It could not be reached: ")


def test_an_ipv6_address_stands_in_brackets_in_the_host() -> None:
    with receiving(host="::1") as receiver:
        assert send(receiver.url("[::1]"), networks=networks_of("::1/128")).status == 200
        assert receiver.requests[0].headers["host"] == f"[::1]:{receiver.port}"
