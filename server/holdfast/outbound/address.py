"""Which IP addresses the server may dial. Pure.

`ipaddress.is_global` is no help: Python 3.11 calls NAT64, 6to4 of a loopback address, multicast, fec0::/10 and the
metadata service of Azure global.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# IANA's registry of IPv4 addresses for special purposes, and what clouds keep on addresses of the world.
_CLOSED_V4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure, to its virtual machines
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_OPEN_V6: Final = "2000::/3"  # all that is given to anybody; the rest of IPv6 is special or empty
_CLOSED_V6: Final = (
    "2001::/23",  # Teredo, ORCHID, benchmarks: IANA's own
    "2001:db8::/32",
    "2002::/16",  # 6to4: an IPv4 address in disguise
    "2620:4f:8000::/48",
    "3fff::/20",
)
# What nobody means by "my network": who could reach it would have the machine's own credentials.
_NEVER: Final = (
    "0.0.0.0/8",
    "100.100.100.200/32",  # Alibaba's metadata
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.192/32",  # Oracle's
    "224.0.0.0/3",
    "::/128",
    "fd00:ec2::/32",  # Amazon's, over IPv6
    "fd20:ce::254/128",  # Google's, over IPv6
    "fe80::/10",
    "ff00::/8",
)

# Translators of networks without IPv4: the last 32 bits are the address that is reached.
_TRANSLATED: Final = ("64:ff9b::/96", "64:ff9b:1::/48")

_closed: Final = tuple(ip_network(text) for text in (*_CLOSED_V4, *_CLOSED_V6))
_never: Final = tuple(ip_network(text) for text in _NEVER)
_translated: Final = tuple(ip_network(text) for text in _TRANSLATED)
_open_v6: Final = IPv6Network(_OPEN_V6)
_everything: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_compatible: Final = IPv6Network("::/96")


def is_dialable(text: str, allow: Sequence[Network] = ()) -> bool:
    """Whether an address may be dialled: one of the public internet, or of a network that the operator allows.

    Link-local, multicast and metadata addresses stay closed whatever is allowed. What is no address is closed.
    """
    try:
        address = plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    hidden = carried(address)
    if _is_in(address, _never):
        return False
    if _is_in(address, allow):
        # A translator is allowed, not what it leads to.
        return all(is_dialable(str(one), allow) for one in hidden)
    if address.version == 6 and address not in _open_v6:
        return False
    return not _is_in(address, _closed)


def is_forbidden(text: str) -> bool:
    """Whether nobody can allow an address: link-local, multicast, metadata, or no address at all."""
    return not is_dialable(text, _everything)


def plain(address: Address) -> Address:
    """The address without its disguise: ::ffff:10.0.0.1 is 10.0.0.1 to the system that dials it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to through translators and tunnels (NAT64, 6to4, Teredo)."""
    if isinstance(address, IPv4Address):
        return ()
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    is_compatible = address in _compatible and int(address) > 1  # :: and ::1 carry none
    return (IPv4Address(int(address) & 0xFFFFFFFF),) if is_compatible or _is_in(address, _translated) else ()


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(network.version == address.version and address in network for network in networks)
