"""Which addresses the server may dial."""

from ipaddress import ip_network

import pytest

from holdfast.outbound.address import is_dialable

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
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_nobody_can_allow_what_gives_the_credentials_of_the_machine_away(address: str):
    """S-41: an allowed network never covers link-local and metadata addresses."""
    assert not is_dialable(address, (ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_what_is_allowed_opens_nothing_else():
    assert not is_dialable("192.168.0.1", LAN)
    assert not is_dialable("fd12:3457::1", LAN)
