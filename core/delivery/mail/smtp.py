"""Sending e-mail over SMTP (RFC 5321), with STARTTLS (RFC 3207) and a login where the server has them."""

import io
import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from time import monotonic
from typing import Any, Final

from core.addresses.smtp_server import SmtpServer

DEADLINE: Final = 60.0
"""Seconds that a whole sending may take."""


def send(server: SmtpServer, message: EmailMessage, context: ssl.SSLContext) -> str:
    """Hand a message over; what the server said.

    Raises `smtplib.SMTPException`, and `OSError`, also where it is not over by the deadline. A password never
    goes over a line that is not encrypted.
    """
    connection = _Connection(server, context)
    try:
        connection.ehlo()
        if not server.implicit_tls and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        elif not server.implicit_tls and server.user is not None:
            raise smtplib.SMTPNotSupportedError("The server offers no STARTTLS, and a password needs it.")
        if server.user is not None:
            connection.login(server.user, server.password)
        connection.send_message(message)
        # What it says to the farewell changes nothing: it has the mail.
        with suppress(smtplib.SMTPException, OSError):
            connection.quit()
        return "The mail server took it."
    finally:
        connection.close()


class _Connection(smtplib.SMTP):
    """A connection that ends at the deadline; smtplib alone waits anew for every address, answer and line."""

    def __init__(self, server: SmtpServer, context: ssl.SSLContext) -> None:
        self._until = monotonic() + DEADLINE
        self._tls = context if server.implicit_tls else None
        super().__init__(server.host, server.port)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failed: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                connected = socket.create_connection((str(address[0]), port), timeout=_left(self._until))
                return self._tls.wrap_socket(connected, server_hostname=host) if self._tls else connected
            except OSError as error:
                failed = error
        raise failed or OSError(f"{host} has no address")

    def send(self, s: Any) -> None:
        if self.sock:
            self.sock.settimeout(_left(self._until))
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = io.BufferedReader(_Answers(self.sock, self._until))
        answer = super().getreply()
        if self.sock:
            self.sock.settimeout(_left(self._until))  # for TLS, which begins without another answer
        return answer


class _Answers(io.RawIOBase):
    """What a socket receives until a deadline."""

    def __init__(self, source: socket.socket, until: float) -> None:
        self._source = source
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._source.settimeout(_left(self._until))
        return self._source.recv_into(buffer)


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("The mail server took too long.")
    return left
