"""Which addresses the server may dial."""

from ipaddress import ip_network
from typing import Any

import pytest

from holdfast.outbound.address import is_dialable, is_forbidden

CLOSED = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    *("::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1"),
]
LAN = (ip_network("10.0.0.0/8"), ip_network("fd12:3456::/32"))


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]
)
def test_the_public_internet_is_dialled(address: str):
    assert is_dialable(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="S-35 loopback"),
        pytest.param("127.255.255.254", id="S-35 the rest of loopback"),
        pytest.param("::1", id="S-35 loopback of IPv6"),
        pytest.param("0.0.0.0", id="S-35 this machine"),
        pytest.param("10.1.2.3", id="S-35 private 10"),
        pytest.param("172.16.0.1", id="S-35 private 172"),
        pytest.param("192.168.1.1", id="S-35 private 192"),
        pytest.param("100.64.0.1", id="S-35 carrier"),
        pytest.param("169.254.169.254", id="S-35 metadata"),
        pytest.param("fd00:ec2::254", id="S-35 Amazon's metadata"),
        pytest.param("168.63.129.16", id="S-35 Azure's"),
        pytest.param("192.0.0.192", id="S-35 Oracle's"),
        pytest.param("100.100.100.200", id="S-35 Alibaba's"),
        pytest.param("224.0.0.1", id="S-35 multicast"),
        pytest.param("255.255.255.255", id="S-35 broadcast"),
        pytest.param("::ffff:127.0.0.1", id="S-36 mapped"),
        pytest.param("::ffff:7f00:1", id="S-36 mapped, in hex"),
        pytest.param("::127.0.0.1", id="S-36 compatible"),
        pytest.param("64:ff9b::7f00:1", id="S-36 NAT64"),
        pytest.param("64:ff9b:1::1", id="S-36 local NAT64"),
        pytest.param("2002:7f00:1::", id="S-36 6to4"),
        pytest.param("fec0::1", id="S-36 site-local"),
        pytest.param("2001::1", id="S-36 Teredo"),
        pytest.param("5f00::1", id="S-36 segment routing"),
        pytest.param("fe80::1", id="S-36 link-local"),
        pytest.param("fe80::1%eth0", id="S-36 link-local with a zone"),
        pytest.param("ff02::1", id="S-36 multicast"),
        pytest.param("::", id="S-36 unspecified"),
        pytest.param("localhost", id="no address"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_inside_is_not_dialled(address: str):
    assert not is_dialable(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12:3456::1", "8.8.8.8"])
def test_a_network_that_is_allowed_is_dialled(address: str):
    """S-41: the operator wants it."""
    assert is_dialable(address, LAN)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd20:ce::254",
        "0.0.0.0",
        "224.0.0.1",
        pytest.param("::ffff:169.254.169.254", id="S-36 metadata, mapped"),
        pytest.param("::169.254.169.254", id="S-36 metadata, compatible"),
        pytest.param("64:ff9b::169.254.169.254", id="S-36 metadata behind NAT64"),
        pytest.param("64:ff9b:1::169.254.169.254", id="S-36 metadata behind a NAT64 of one's own"),
        pytest.param("2002:a9fe:a9fe::1", id="S-36 metadata behind 6to4"),
        pytest.param("2001:0:a9fe:a9fe::1", id="S-36 metadata as the server of Teredo"),
        pytest.param("2001:0:808:808::5601:5601", id="S-36 metadata as the client of Teredo"),
    ],
)
def test_nobody_can_allow_what_gives_the_credentials_of_the_machine_away(address: str):
    """S-41: an allowed network never covers link-local and metadata addresses."""
    assert not is_dialable(address, (ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_what_is_allowed_opens_nothing_else():
    assert not is_dialable("192.168.0.1", LAN)
    assert not is_dialable("fd12:3457::1", LAN)


NAT64 = ip_network("64:ff9b::/96")


@pytest.mark.parametrize(
    ("address", "allow", "expected"),
    [
        pytest.param("64:ff9b::8.8.8.8", (), False, id="nothing allowed"),
        pytest.param("64:ff9b::8.8.8.8", (NAT64,), True, id="public behind it"),
        pytest.param("64:ff9b::10.1.2.3", (NAT64,), False, id="private behind it"),
        pytest.param("64:ff9b::10.1.2.3", (NAT64, *LAN), True, id="allowed behind it"),
        pytest.param("64:ff9b::127.0.0.1", (NAT64, *LAN), False, id="this machine behind it"),
    ],
)
def test_who_allows_a_translator_does_not_allow_what_is_behind_it(address: str, allow: tuple[Any, ...], expected: bool):
    """S-36: servers without IPv4 reach the internet through NAT64, and must not reach their own network by it."""
    assert is_dialable(address, allow) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("10.1.2.3", False),
        ("8.8.8.8", False),
        ("169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("no address", True),
    ],
)
def test_few_addresses_are_forbidden_to_all(address: str, expected: bool):
    """S-47: a mail server is most often inside."""
    assert is_forbidden(address) is expected


@pytest.mark.parametrize("network", CLOSED)
def test_of_a_closed_network_the_first_and_the_last_address_are_closed(network: str):
    """S-35, S-36: no network ends one address too early or too late."""
    found = ip_network(network)
    assert not is_dialable(str(found[0]))
    assert not is_dialable(str(found[-1]))


@pytest.mark.parametrize(
    "address",
    [
        *("9.255.255.255", "11.0.0.0", "100.63.255.255", "126.255.255.255", "128.0.0.0", "168.63.129.15"),
        *("168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "192.0.1.0", "192.167.255.255"),
        *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2001:200::", "2001:db7::", "2001:db9::", "2003::", "3ffe::"),
    ],
)
def test_the_neighbours_of_what_is_closed_are_dialled(address: str):
    assert is_dialable(address)
