"""The address a request comes from, behind trusted reverse proxies too."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(names: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks (``10.0.0.0/8``).

    Raises:
        ValueError: One of them is neither.
    """
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)


def client_address(forwarded_for: str, peer: str, trusted: Sequence[Network]) -> str:
    """The client's address: the peer's, or what the nearest trusted proxies say in ``X-Forwarded-For``.

    That header is read from the right, so an address that a client wrote itself is never believed.
    """
    address = peer
    if not trusted:
        return address
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)
