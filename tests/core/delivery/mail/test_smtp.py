"""Handing a message to a mail server that misbehaves."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from threading import Event, Thread

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from aiosmtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused

from core.addresses.smtp_server import SmtpServer
from core.delivery.mail import smtp
from core.delivery.mail.smtp import send


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
        send(server, message(), ssl.create_default_context())


def talking(**answers: bytes) -> Callable[[socket.socket, Event], None]:
    """A server that answers each command that it has an answer for, and is silent from the first other on."""

    def talk(connection: socket.socket, over: Event) -> None:
        connection.sendall(b"220 here\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                if (answer := answers.get(line[:4].decode().strip().upper())) is None:
                    break
                connection.sendall(answer + b"\r\n")
                while answer.startswith(b"354") and lines.readline() != b".\r\n":
                    pass
                if answer.startswith(b"354"):
                    connection.sendall(answers["."] + b"\r\n")
        over.wait()

    return talk


TAKING = {"EHLO": b"250 here", "MAIL": b"250 OK", "RCPT": b"250 OK", "DATA": b"354 go on", ".": b"250 taken"}


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("MAIL", SMTPSenderRefused),
        ("RCPT", SMTPRecipientsRefused),
        ("DATA", SMTPDataError),
        (".", SMTPDataError),
    ],
)
def test_refusal_is_raised_although_the_server_is_silent_afterwards(
    command: str, error: type[SMTPException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE", 20)
    with serving(talking(**TAKING | {command: b"554 not this one"})) as server, pytest.raises(error):
        send(server, message(), ssl.create_default_context())


def test_mail_is_sent_although_the_server_leaves_quit_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DEADLINE", 0.5)
    with serving(talking(**TAKING)) as server:
        assert send(server, message(), ssl.create_default_context()) == "The mail server took it."


def test_address_beyond_ascii_needs_a_server_with_smtputf8() -> None:
    international = message()
    international.replace_header("To", "jürgen@example.com")
    handler = Answering()
    with answering(handler) as server:
        send(server, international, ssl.create_default_context())
    assert handler.taken == 1
    with serving(talking(**TAKING)) as server, pytest.raises(SMTPException, match="SMTPUTF8"):
        send(server, international, ssl.create_default_context())


def test_smtps_is_encrypted_from_the_first_byte_with_a_certificate_for_the_host() -> None:
    authority = trustme.CA()
    serving_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(serving_context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    handler = Answering()
    controller = Controller(handler, "127.0.0.1", free_port(), ssl_context=serving_context)
    controller.start()
    try:
        assert send(SmtpServer.of(f"smtps://localhost:{controller.port}"), message(), trusting)
        with pytest.raises(OSError, match="certificate verify failed"):
            send(SmtpServer.of(f"smtps://localhost:{controller.port}"), message(), ssl.create_default_context())
    finally:
        controller.stop()
    assert handler.taken == 1


class Answering:
    """A handler of a whole mail server that answers as it is told."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken = 0

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        self.taken += 1
        return self.answers.get("DATA", "250 taken")

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        return self.answers.get("QUIT", "221 Bye")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def answering(handler: Answering) -> Iterator[SmtpServer]:
    controller = Controller(handler, "127.0.0.1", free_port())
    controller.start()
    try:
        yield SmtpServer("127.0.0.1", controller.port, False, None, "")
    finally:
        controller.stop()


def test_what_was_taken_was_sent_whatever_the_server_says_to_the_farewell() -> None:
    handler = Answering(QUIT="451 not so fast")
    with answering(handler) as server:
        assert send(server, message(), ssl.create_default_context()) == "The mail server took it."
    assert handler.taken == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("MAIL", SMTPSenderRefused),
        ("RCPT", SMTPRecipientsRefused),
        ("DATA", SMTPDataError),
    ],
)
def test_a_refusal_is_told_whatever_the_server_says_to_the_farewell(command: str, error: type[SMTPException]) -> None:
    with (
        answering(Answering(**{command: "554 not this one", "QUIT": "451 not so fast"})) as server,
        pytest.raises(error),
    ):
        send(server, message(), ssl.create_default_context())
