"""The sockets that commands listen at."""

import socket

from core.errors import AllowanceError


class CannotListen(AllowanceError):
    """An address that the server cannot listen at."""

    code = "CANNOT_LISTEN"


def bind(host: str, port: int) -> socket.socket:
    """Return a socket at the address, which does not listen yet. Raises :class:`CannotListen`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen at {host}, port {port}: {error.strerror}. Give another --host or --port, or stop what "
            "listens there."
        ) from None
    return listener
