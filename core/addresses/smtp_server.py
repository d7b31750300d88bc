"""The address of a mail server."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


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
