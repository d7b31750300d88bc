"""Where webhooks may go: to public addresses over TLS, and to what networks an operator opens besides.

ssrfguard was weighed: it waits for the system's resolver without an end, and its timeouts count for each attempt to
connect, while a delivery has one deadline for all of it.
"""

import queue
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias

from pydantic import HttpUrl, TypeAdapter, ValidationError

from core.text import problem_with

LONGEST_URL: Final = 2_000
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]
_URL: Final = TypeAdapter(HttpUrl)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC: Final = (
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    IPv6Network("2002::/16"),  # 6to4: any IPv4 address, also a private one, is in it
    IPv6Network("3fff::/20"),  # documentation, RFC 9637; older versions of Python do not know it
)


class AddressRefused(Exception):
    """Webhooks may not go there; the message says why, and names no address that a name stands for."""


def networks_of(text: str | None) -> Networks:
    """The networks of a setting, as ``10.1.0.0/16, fd00::/8``. Raises ValueError."""
    return [ip_network(part.strip()) for part in (text or "").split(",") if part.strip()]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody may reach it over the internet, by the special-purpose registries of the IANA (RFC 6890).

    IPv6 addresses that stand for IPv4 ones are not: mapped ones, 6to4, Teredo, and those of NAT64.
    """
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in one for one in _NOT_PUBLIC)


def is_allowed(address: IPv4Address | IPv6Address, scheme: str, networks: Networks) -> bool:
    """Public ones over https, those of the opened networks over http as well."""
    return any(address in one for one in networks) or (scheme == "https" and is_public(address))


def check_url(text: str, networks: Networks) -> str:
    """The URL as it is kept. Raises :class:`AddressRefused`; where a name leads is looked at when it is used."""
    problem = problem_with(text, LONGEST_URL)
    if problem:
        raise AddressRefused(f"{problem}")
    try:
        url = _URL.validate_python(text)
    except ValidationError:
        raise AddressRefused("is not a URL; write https://HOST/PATH") from None
    if url.scheme != "https" and not networks:
        raise AddressRefused("must begin with https://")
    if url.username is not None or url.password is not None or url.fragment is not None:
        raise AddressRefused("must not hold a user, a password or a #fragment")
    with suppress(ValueError):  # a name
        if not is_allowed(ip_address(host_of(url)), url.scheme, networks):
            raise AddressRefused("leads to an address that webhooks may not go to") from None
    return str(url)


def host_of(url: HttpUrl) -> str:
    """The name or address, an IPv6 address without its brackets."""
    return (url.host or "").strip("[]")


def addresses_to(host: str, port: int, scheme: str, networks: Networks, seconds: float) -> list[str]:
    """The allowed addresses of a host, in the resolver's order.

    Raises :class:`AddressRefused` where it has none, `OSError` where it is not found or not in time.
    """
    found = [str(sockaddr[0]) for *_, sockaddr in _resolve(host, port, seconds)]
    allowed = [one for one in dict.fromkeys(found) if is_allowed(ip_address(one), scheme, networks)]
    if not allowed:
        raise AddressRefused("leads to an address that webhooks may not go to")
    return allowed


def _resolve(host: str, port: int, seconds: float) -> list[tuple[Any, ...]]:
    """In a thread of its own, since nothing else can end the waiting for a resolver."""
    done: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            done.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:
            done.put(error)

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        found = done.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise TimeoutError("the resolver took too long") from None
    if isinstance(found, UnicodeError):  # a name that no resolver can be asked for
        raise OSError("its name cannot be looked up")
    if isinstance(found, Exception):
        raise found
    return found
