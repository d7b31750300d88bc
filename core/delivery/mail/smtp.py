"""Sending e-mail over SMTP (RFC 5321), with STARTTLS (RFC 3207) and a login where the server has them.

aiosmtplib speaks the protocol, as its waiting can be cancelled: smtplib has a timeout for each operation on its socket,
and none for the whole sending.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from typing import Any, Final

from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPResponse

from core.addresses.smtp_server import SmtpServer

DEADLINE: Final = 60.0
"""Seconds that a whole sending may take."""


class NeedsSmtpUtf8(SMTPNotSupported):
    """The server lacks SMTPUTF8 (RFC 6531), which an address with letters beyond ASCII before its @ needs."""

    def __init__(self, address: str, host: str) -> None:
        """State the address and the server."""
        super().__init__(f"The address {address} needs SMTPUTF8, which the mail server {host} does not offer.")


def send(
    server: SmtpServer,
    message: EmailMessage,
    context: ssl.SSLContext,
    before_mail: Callable[[], None] = lambda: None,
) -> str:
    """Send a message, and return a sentence for the log of deliveries.

    A password never goes over a connection that is not encrypted.

    Args:
        server: The mail server.
        message: The message.
        context: The settings of TLS.
        before_mail: Is called once the server is ready for the mail. Nothing is sent if it raises.

    Raises:
        NeedsSmtpUtf8: The server cannot take the address of the recipient.
        SMTPException: The server refused the connection, the login, the sender, the recipient or the mail.
        OSError: The server cannot be reached, or the mail was not sent within DEADLINE.
    """
    return asyncio.run(_send(server, message, context, before_mail))


async def _send(
    server: SmtpServer, message: EmailMessage, context: ssl.SSLContext, before_mail: Callable[[], None]
) -> str:
    until = asyncio.get_running_loop().time() + DEADLINE
    connection = _SmtpConnection(
        hostname=server.host,
        port=server.port,
        use_tls=server.implicit_tls,
        tls_context=context,
        # A host without a domain introduces itself by its address, which aiosmtplib leaves to the caller.
        local_hostname=smtplib.SMTP().local_hostname,
        timeout=None,
    )
    try:
        async with asyncio.timeout_at(until):
            await connection.connect()  # begins TLS if the server offers STARTTLS
            await _login(connection, server)
            before_mail()
            await _hand_over(connection, server, message)
        # The server has the mail, whatever its answer to QUIT.
        with suppress(SMTPException, OSError):
            async with asyncio.timeout_at(until):
                await connection.quit()
        return "The mail server took it."
    except TimeoutError:
        raise TimeoutError("The mail server took too long.") from None
    finally:
        connection.close()


async def _login(connection: SMTP, server: SmtpServer) -> None:
    if server.user is None:
        return
    if connection.get_transport_info("sslcontext") is None:
        raise SMTPNotSupported("The server offers no STARTTLS, and a password needs it.")
    await connection.login(server.user, server.password)


async def _hand_over(connection: SMTP, server: SmtpServer, message: EmailMessage) -> None:
    try:
        await connection.send_message(message)
    except SMTPNotSupported:  # SMTPUTF8, for the recipient or for the sender
        for address in message["To"].addresses:
            if not address.addr_spec.isascii():
                raise NeedsSmtpUtf8(address.addr_spec, server.host) from None
        raise


class _SmtpConnection(SMTP):
    """A connection for a single mail."""

    async def rset(self, **_: Any) -> SMTPResponse:
        """Skip the reset after a refusal: no mail follows, and a server may leave the reset unanswered."""
        return SMTPResponse(250, "")

    def close(self) -> None:
        """Close the socket at once; after TLS, aiosmtplib by itself waits for an answer that a server may leave out."""
        transport = self.transport
        super().close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
