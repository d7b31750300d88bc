"""Handing a message to a mail server that misbehaves."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from threading import Event, Thread

import pytest

from core.mail import smtp
from core.mail.smtp import SmtpServer


def message() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "allowance@vendor.example"
    message["To"] = "ann@example.com"
    message.set_content("Hello")
    return message


@contextmanager
def serving(talk: Callable[[socket.socket, Event], None]) -> Iterator[SmtpServer]:
    """A server that talks to the one who calls, until the block ends."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    talk(connection, over)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield SmtpServer("127.0.0.1", listening.getsockname()[1], False, None, "")
        finally:
            over.set()
            thread.join()


def silent(connection: socket.socket, over: Event) -> None:
    over.wait()


def trickling(connection: socket.socket, over: Event) -> None:
    while not over.wait(0.05):
        connection.sendall(b"220-wait\r\n")


def deaf(connection: socket.socket, over: Event) -> None:
    """Greets, and reads nothing of what comes."""
    connection.sendall(b"220 here\r\n")
    over.wait()


@pytest.mark.parametrize("talk", [silent, trickling, deaf])
def test_a_sending_is_over_by_its_deadline_however_the_server_draws_it_out(
    talk: Callable[[socket.socket, Event], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE", 0.5)
    with serving(talk) as server, pytest.raises(OSError, match=r"timed out|too long"):
        server.send(message())
