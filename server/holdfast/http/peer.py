"""Whose request it is on the network, when proxies that are trusted stand in between."""

import ipaddress
from collections.abc import Sequence
from typing import Any, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks as the setting `trusted_proxies` names them."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def peer(scope: Any, headers: dict[bytes, bytes], trusted: tuple[Network, ...]) -> str:
    """The address of the client: the right-most one that is no trusted proxy.

    X-Forwarded-For counts only when the connection itself comes from a trusted proxy, since anybody can
    write that header. Empty for a unix socket.
    """
    client = scope.get("client")
    address: str = client[0] if client else ""
    if not trusted or not is_in(address, trusted):
        return address
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_address(hop):
            return address
        address = hop
        if not is_in(hop, trusted):
            break
    return address


def limit_key(address: str) -> str:
    """What a limit per address counts by: an IPv6 client can take any address of its /64."""
    if ":" not in address or not _is_address(address):
        return address
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.IPv6Network((int(ipaddress.IPv6Address(address)) >> 64 << 64, 64)))


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks, however it is written: `::ffff:10.0.0.1` is 10.0.0.1."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if found.version == 6 else None
    found = mapped or found
    return any(found in network for network in networks if network.version == found.version)


def is_loopback(address: str) -> bool:
    """Whether the client is this very machine."""
    return _is_address(address) and ipaddress.ip_address(address).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
