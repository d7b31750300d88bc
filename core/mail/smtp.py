"""Sending e-mail over SMTP (RFC 5321), with STARTTLS (RFC 3207) and a login where the server has them."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

TIMEOUT: Final = 20
"""Seconds that each answer of the server is waited for."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server of ``smtp://USER:PASSWORD@HOST:PORT``, or of ``smtps://`` for TLS from the first byte."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None
    password: str

    @classmethod
    def of(cls, url: str) -> "SmtpServer":
        """Raises ValueError where it is no such URL."""
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        try:
            port = parts.port or (465 if implicit else 587)
        except ValueError:
            port = 0
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not port:
            raise ValueError("is not the URL of a mail server; write smtp://USER:PASSWORD@HOST:PORT")
        user = None if parts.username is None else unquote(parts.username)
        return cls(parts.hostname, port, implicit, user, unquote(parts.password or ""))

    def send(self, message: EmailMessage, context: ssl.SSLContext | None = None) -> str:
        """Hand a message over; what the server said.

        Raises `smtplib.SMTPException` and `OSError`. A password never goes over a line that is not encrypted.
        """
        context = context or ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
            if self.implicit_tls
            else smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        )
        with connection:
            connection.ehlo()
            if not self.implicit_tls and connection.has_extn("starttls"):
                connection.starttls(context=context)
                connection.ehlo()
            elif not self.implicit_tls and self.user is not None:
                raise smtplib.SMTPNotSupportedError("The server offers no STARTTLS, and a password needs it.")
            if self.user is not None:
                connection.login(self.user, self.password)
            connection.send_message(message)
            return "The mail server took it."
