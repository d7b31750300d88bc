"""A request to an endpoint: to a checked address, within a deadline, with a limit on the answer that is read.

The client follows no redirect, uses no proxy of the environment, and decompresses nothing.

httpx2, which builds on httpcore2, was weighed: it adds redirects, proxies and decompression, which must not happen
here, and has no timeout for the whole request either.
"""

import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import httpcore2

from core.addresses.public_network import AddressRefused, Networks, addresses_to

CONNECT: Final = 5.0
"""Seconds to connect to an address, or to look up a name."""
SILENCE: Final = 15.0
"""Seconds to wait for the next part of the answer."""
DEADLINE: Final = 20.0
"""Seconds for the whole request."""
LONGEST_ERROR: Final = 200
"""Characters of a client's error that are stored; an error may quote the whole answer."""
LONGEST_ANSWER: Final = 1_000
"""Bytes of an answer's body that are stored."""
MOST_READ: Final = 2**17
"""Bytes that are read of a connection, as interim answers may come without an end."""


@dataclass(frozen=True, slots=True)
class EndpointResponse:
    """The answer of an endpoint. `text` is the beginning of the body. Headers have lower-case names."""

    status: int
    headers: Mapping[str, str]
    text: str


class NotAnswered(Exception):
    """A request without an answer. The message states why, for the owner of the endpoint."""


def post(
    url: str, headers: Mapping[str, str], body: bytes, networks: Networks, context: ssl.SSLContext
) -> EndpointResponse:  # fmt: skip
    """Send a request once.

    Raises:
        NotAnswered: If there was no answer.
    """
    target = httpcore2.URL(url)
    host = target.host.decode()
    shown = f"[{host}]" if ":" in host else host
    named = [("Host", f"{shown}:{target.port}" if target.port else shown), ("Connection", "close"), *headers.items()]
    timeouts = {"connect": CONNECT, "read": SILENCE, "write": SILENCE}
    backend = _CheckedAddresses(target.scheme.decode(), networks, monotonic() + DEADLINE)
    try:
        with (
            httpcore2.HTTPConnection(target.origin, ssl_context=context, network_backend=backend) as connection,
            connection.stream(
                "POST", target, headers=named, content=body, extensions={"timeout": timeouts}
            ) as response,
        ):
            received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return EndpointResponse(response.status, received, _beginning(response.iter_stream(), received))
    except AddressRefused as refused:
        raise NotAnswered(f"Its URL {refused}.") from None
    except TimeoutError:
        raise NotAnswered("It took too long.") from None
    except ssl.SSLCertVerificationError as error:
        raise NotAnswered(f"Its certificate is not to be trusted: {error.verify_message.rstrip('.')}.") from None
    except socket.gaierror:
        raise NotAnswered("Its name was not found.") from None
    except OSError as error:
        raise NotAnswered(f"It could not be reached: {error.strerror or error}.") from None
    except (httpcore2.ProtocolError, httpcore2.NetworkError) as error:
        raise NotAnswered(f"It did not answer as HTTP has it: {printable(str(error))[:LONGEST_ERROR]}") from None


def _beginning(chunks: Iterable[bytes], headers: Mapping[str, str]) -> str:
    """Return the beginning of a body, as far as it came: an error after the status does not matter."""
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        return f"[{printable(encoding)[:50]}]"
    body = b""
    try:
        for chunk in chunks:
            body += chunk[:LONGEST_ANSWER]
            if len(body) >= LONGEST_ANSWER:
                break
    except (OSError, httpcore2.ProtocolError, httpcore2.NetworkError):
        pass
    return printable(body[:LONGEST_ANSWER].decode(errors="replace"))


def printable(text: str) -> str:
    """Return a text of the other side with replacements for characters that cannot be stored or shown."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


class _CheckedAddresses(httpcore2.NetworkBackend):
    """A network backend that connects to a host at its checked addresses, without another look-up."""

    def __init__(self, scheme: str, networks: Networks, until: float) -> None:
        self._scheme = scheme
        self._networks = networks
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.NetworkStream:
        failed: OSError | None = None
        for address in addresses_to(host, port, self._scheme, self._networks, _left(self._until, timeout)):
            try:
                connection = socket.create_connection((address, port), timeout=_left(self._until, timeout))
                return _DeadlineStream(connection, self._until)
            except OSError as error:
                failed = error
        raise failed or OSError("it has no address")


class _DeadlineStream(httpcore2.NetworkStream):
    """A connection whose every step ends at the deadline, while the client's timeouts begin anew with each step."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._socket = connection
        self._until = until
        self._received = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(_left(self._until, timeout))
        received = self._socket.recv(max_bytes)
        self._received += len(received)
        if self._received > MOST_READ:
            raise httpcore2.ReadError(f"more than {MOST_READ} bytes came.")
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(_left(self._until, timeout))
            try:
                rest = rest[self._socket.send(rest) :]
            except ConnectionError as error:
                raise httpcore2.WriteError(str(error)) from error  # it may have answered before it closed

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        self._socket.settimeout(_left(self._until, timeout))
        try:
            return _DeadlineStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._until)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()


def _left(until: float, most: float | None) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left if most is None else min(left, most)
