"""Where webhooks may go, and where not."""

import socket
import threading
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import h11
import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses.public_network import AddressRefused, addresses_to, check_url, is_allowed, is_public, networks_of

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::8a", "172.32.0.1"]
NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1"],
    "link-local": ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%1"],
    "shared": ["100.64.0.1", "100.127.255.255"],
    "this host": ["0.0.0.0", "0.1.2.3", "::"],  # noqa: S104
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1", "192.0.0.1", "198.18.0.1", "192.88.99.1", "5f00::1"],
    "protocol assignments": ["192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.255"],
    "hosts of clouds": ["168.63.129.16"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "site-local": ["fec0::1"],
    "IPv4 in IPv6": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::1", "2002:a9fe:a9fe::1"],
    "Teredo": ["2001:0:7f00:1::1"],
    "discard": ["100::1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed_over_https_alone(address: str) -> None:
    assert is_public(ip_address(address))
    assert is_allowed(ip_address(address), "https", [])
    assert not is_allowed(ip_address(address), "http", networks_of("10.0.0.0/8"))


@pytest.mark.parametrize("address", [one for kind in NOT_PUBLIC.values() for one in kind])
def test_addresses_of_every_special_kind_are_refused(address: str) -> None:
    assert not is_allowed(ip_address(address), "https", [])
    assert not is_allowed(ip_address(address), "http", [])


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_public_by_way_of_ipv6(address: Any) -> None:
    for prefix in ("::ffff:0:0", "::", "64:ff9b::"):
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) + int(address)))
    assert not is_public(IPv6Address(int(IPv6Address("2002::")) + (int(address) << 80)))


@given(st.ip_addresses(network="10.1.0.0/16"), st.sampled_from(["http", "https"]))
def test_what_an_operator_opens_is_allowed_and_its_neighbours_are_not(address: Any, scheme: str) -> None:
    opened = networks_of("10.1.0.0/16, fd00::/8")
    assert is_allowed(address, scheme, opened)
    assert not is_allowed(address + 2**16, scheme, opened)


def test_a_list_of_networks_is_read_whole() -> None:
    assert networks_of(None) == networks_of("") == []
    assert networks_of("10.0.0.0/8 ,::1") == [ip_network("10.0.0.0/8"), ip_network("::1/128")]
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8 has host bits set"):
        networks_of("10.0.0.1/8")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://hooks.example/a?b=c", "https://hooks.example/a?b=c"),
        ("HTTPS://Hooks.Example", "https://hooks.example/"),
        ("https://hooks.example:443/", "https://hooks.example/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://8.8.8.8:8443/x", "https://8.8.8.8:8443/x"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
    ],
)
def test_a_url_is_kept_as_it_will_be_used(url: str, kept: str) -> None:
    assert check_url(url, []) == kept


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hooks.example/", "must begin with https://"),
        ("ftp://hooks.example/", "is not a URL"),
        ("hooks.example", "is not a URL"),
        ("", "must not be empty"),
        ("https://", "is not a URL"),
        ("https://hooks.example:99999/", "is not a URL"),
        ("https://ho st/", "is not a URL"),
        ("https://hooks.exa\nmple/", "must not hold control characters"),
        ("https://hooks.example/\0", "must not hold control characters"),
        ("https://" + "x" * 2_000, "must have 2000 characters at most"),
        ("https://user@hooks.example/", "must not hold a user"),
        ("https://user:secret@hooks.example/", "must not hold a user"),
        ("https://hooks.example/#part", "must not hold a user, a password or a #fragment"),
        ("https://127.0.0.1/", "leads to an address"),
        ("https://2130706433/", "leads to an address"),
        ("https://0x7f.1/", "leads to an address"),
        ("https://0177.0.0.1/", "leads to an address"),
        ("https://169.254.169.254/latest/meta-data", "leads to an address"),
        ("https://[::1]/", "leads to an address"),
        ("https://[::ffff:169.254.169.254]/", "leads to an address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "leads to an address"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_when_it_is_put(url: str, problem: str) -> None:
    with pytest.raises(AddressRefused, match=f"^{problem}"):
        check_url(url, [])


@given(st.text(max_size=60))
def test_a_url_that_is_taken_can_be_sent_to_as_it_is_kept_and_leads_to_no_other_host(text: str) -> None:
    try:
        kept = check_url(f"https://hooks.example/{text}", [])
    except AddressRefused:
        return
    assert check_url(kept, []) == kept
    target = httpcore2.URL(kept)
    assert (target.scheme, target.host, target.port) == (b"https", b"hooks.example", None)
    assert bytes(h11.Request(method="POST", target=target.target, headers=[("Host", "x")]).target) == target.target


def test_http_is_for_the_networks_that_an_operator_opened() -> None:
    opened = networks_of("10.0.0.0/8")
    assert check_url("http://10.1.2.3/x", opened) == "http://10.1.2.3/x"
    assert check_url("http://inside.example/x", opened) == "http://inside.example/x"
    with pytest.raises(AddressRefused):
        check_url("http://8.8.8.8/", opened)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have every name stand for these addresses; the names that were asked for."""
    asked = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("address", [one for kind in NOT_PUBLIC.values() for one in kind])
def test_a_name_that_stands_for_such_an_address_is_refused_and_the_address_not_told(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolving(monkeypatch, address)
    with pytest.raises(AddressRefused) as refused:
        addresses_to("inside.example", 443, "https", [], 5)
    assert str(refused.value) == "leads to an address that webhooks may not go to"


def test_of_several_addresses_those_that_are_allowed_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, "10.0.0.1", "8.8.8.8", "127.0.0.1", "1.1.1.1", "8.8.8.8")
    assert addresses_to("mixed.example", 443, "https", [], 5) == ["8.8.8.8", "1.1.1.1"]
    assert asked == ["mixed.example"]


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60))
    with pytest.raises(TimeoutError):
        addresses_to("slow.example", 443, "https", [], 0.05)
    over.set()


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "no.such.name.invalid", "a..b"])
def test_a_name_that_cannot_be_looked_up_is_an_error_of_the_network(name: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        addresses_to(name, 443, "https", [], 30)
