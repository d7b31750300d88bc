"""The networks by which connections are counted."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.client_network import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("64:ff9b::192.0.2.7", "192.0.2.7"),
        ("64:ff9b::192.0.2.8", "192.0.2.8"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_address_counts_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_two_ipv6_addresses_count_together_exactly_if_their_first_64_bits_are_the_same(
    prefix: int, one: int, other: int
) -> None:
    prefix |= 0x2000 << 48
    first, second = (str(IPv6Address(prefix << 64 | host)) for host in (one, other))
    assert network_of(first) == network_of(second)
    assert network_of(first) != network_of(str(IPv6Address((prefix ^ 1) << 64 | one)))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_counts_alone_in_each_of_its_spellings(address: IPv4Address) -> None:
    assert network_of(str(address)) == network_of(f"::ffff:{address}") == network_of(f"64:ff9b::{address}")
