"""The addresses that webhooks may be sent to: public addresses over TLS, and networks that an operator opens.

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

MAX_URL: Final = 2_000
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]
_URL: Final = TypeAdapter(HttpUrl)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC: Final = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890, with two addresses that are global
    IPv4Network("168.63.129.16/32"),  # the host of a virtual machine at Azure, which answers requests of metadata
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    IPv6Network("2002::/16"),  # 6to4: contains every IPv4 address, also private ones
    IPv6Network("3fff::/20"),  # documentation, RFC 9637; unknown to older versions of Python
)


class AddressRefused(Exception):
    """Webhooks may not be sent to an address. The message states why, without the address that a name resolves to."""


def networks_of(text: str | None) -> Networks:
    """Return the networks of a setting such as ``10.1.0.0/16, fd00::/8``. Raises ValueError."""
    return [ip_network(part.strip()) for part in (text or "").split(",") if part.strip()]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is public, by the special-purpose registries of the IANA (RFC 6890).

    IPv6 addresses that contain an IPv4 address are not public: mapped addresses, 6to4, Teredo and NAT64.
    """
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


def is_allowed(address: IPv4Address | IPv6Address, scheme: str, networks: Networks) -> bool:
    """Return whether webhooks may be sent to an address: public over https, in opened networks over http as well."""
    return any(address in network for network in networks) or (scheme == "https" and is_public(address))


def check_url(text: str, networks: Networks) -> str:
    """Return the URL as it is stored. Raises :class:`AddressRefused`. Names are resolved only when the URL is used."""
    problem = problem_with(text, MAX_URL)
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
    with suppress(ValueError):  # the host is a name
        if not is_allowed(ip_address(host_of(url)), url.scheme, networks):
            raise AddressRefused("leads to an address that webhooks may not go to") from None
    return str(url)


def host_of(url: HttpUrl) -> str:
    """Return the name or address of a URL, an IPv6 address without its brackets."""
    return (url.host or "").strip("[]")


def addresses_to(host: str, port: int, scheme: str, networks: Networks, seconds: float) -> list[str]:
    """Return the allowed addresses of a host, in the resolver's order.

    Raises:
        AddressRefused: The host has no allowed address.
        OSError: The host is unknown, or the resolver does not answer within `seconds`.
    """
    resolved = [str(sockaddr[0]) for *_, sockaddr in _resolve(host, port, seconds)]
    allowed = [text for text in dict.fromkeys(resolved) if is_allowed(ip_address(text), scheme, networks)]
    if not allowed:
        raise AddressRefused("leads to an address that webhooks may not go to")
    return allowed


def _resolve(host: str, port: int, seconds: float) -> list[tuple[Any, ...]]:
    """Resolve a host in a thread of its own, because a resolver cannot be interrupted."""
    done: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            done.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:
            done.put(error)

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        result = done.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise TimeoutError("the resolver took too long") from None
    if isinstance(result, UnicodeError):  # the name cannot be encoded for a resolver
        raise OSError("its name cannot be looked up")
    if isinstance(result, Exception):
        raise result
    return result
