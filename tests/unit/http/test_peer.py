"""Whose address counts when there are proxies."""

import pytest

from holdfast.http.peer import is_loopback, limit_key, peer, read_networks

TRUSTED = read_networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("connection", "forwarded", "expected"),
    [
        pytest.param("203.0.113.9", None, "203.0.113.9", id="no proxy"),
        pytest.param("203.0.113.9", "198.51.100.1", "203.0.113.9", id="a header from a stranger"),
        pytest.param("10.0.0.1", None, "10.0.0.1", id="the proxy itself"),
        pytest.param("10.0.0.1", "198.51.100.1", "198.51.100.1", id="one proxy"),
        pytest.param("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1", id="what the client wrote does not count"),
        pytest.param("10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1", id="two proxies"),
        pytest.param("10.0.0.1", "10.2.2.2, 10.9.9.9", "10.2.2.2", id="all of ours"),
        pytest.param("10.0.0.1", "nonsense", "10.0.0.1", id="no address"),
        pytest.param(
            "10.0.0.1", "198.51.100.1, nonsense, 10.9.9.9", "10.9.9.9", id="nothing beyond what cannot be read"
        ),
        pytest.param("fd00::1", "2001:db8::7", "2001:db8::7", id="IPv6"),
        pytest.param("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1", id="a proxy's address written as IPv6"),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_ours(connection: str, forwarded: str | None, expected: str) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode()}
    assert peer({"client": (connection, 4711)}, headers, TRUSTED) == expected


def test_without_trusted_proxies_the_header_is_never_read() -> None:
    assert peer({"client": ("127.0.0.1", 1)}, {b"x-forwarded-for": b"198.51.100.1"}, ()) == "127.0.0.1"


def test_a_unix_socket_has_no_address() -> None:
    assert peer({"client": None}, {}, TRUSTED) == ""


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
    ],
)
def test_an_ipv6_client_counts_by_its_network(address: str, key: str) -> None:
    assert limit_key(address) == key


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False)]
)
def test_this_machine_is_known_by_its_address(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
