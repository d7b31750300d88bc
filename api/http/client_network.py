"""The networks by which the connections of clients are counted."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

PREFIX: Final = 64
"""Bits of an IPv6 network. A household or a rented server gets at least this network, and all of its addresses."""
_NAT64: Final = IPv6Network("64:ff9b::/96")


@lru_cache(4096)
def network_of(address: str) -> str:
    """Return the network that an address counts for: an IPv4 address itself, the /64 of an IPv6 address.

    An IPv6 address that stands for an IPv4 address (mapped, or translated by NAT64) counts as that one. A text that is
    no address counts for itself.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if parsed in _NAT64:
        return str(IPv4Address(int(parsed) & 0xFFFF_FFFF))
    return str(IPv6Network((int(parsed), PREFIX), strict=False))
