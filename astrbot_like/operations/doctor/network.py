"""Addresses: where the server listens, which proxies it believes, through which proxies it goes out."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from astrbot_like.operations.doctor.findings import Finding, failure, ok, warning

WIDE = {4: 8, 6: 16}
"""Networks with a shorter prefix than this, by version of IP, hold strangers."""


def check_port(host: str, port: int) -> Finding:
    """Whether the server could listen; asked only when none is running."""
    if port == 0:
        return ok("address", f"{host}, a port that the system chooses")
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return ok("address", f"{host}:{port} is free")
    except OSError as error:
        return failure(
            "address",
            f"{host}:{port} can't be listened on ({error.strerror or error})",
            "Stop the program that uses it, or choose another with --port.",
        )


def check_forwarding(host: str, trusted: Sequence[str], origins: Sequence[str]) -> Iterator[Finding]:
    """What the settings say of reverse proxies and of further origins.

    Args:
        host: Where the server listens.
        trusted: Addresses and networks of ``dashboard.trusted_proxies``.
        origins: ``dashboard.allowed_origins``.
    """
    wide = [name for name in trusted if _holds_strangers(name)]
    if wide:
        yield failure(
            "proxies",
            f"dashboard.trusted_proxies believes {', '.join(wide)}: clients may write any address of their own",
            "Name the proxy's own address alone, such as 127.0.0.1, or locks on sign-in protect nothing.",
        )
    elif trusted:
        yield ok("proxies", f"X-Forwarded-For of {', '.join(trusted)} is believed")
    elif host in ("127.0.0.1", "localhost", "::1"):
        yield ok("proxies", "none is believed; set dashboard.trusted_proxies when one stands in front")
    else:
        yield warning(
            "proxies",
            f"the server listens on {host} and believes no proxy",
            "Behind a proxy, set dashboard.trusted_proxies to its address, or all people count as one client. "
            "Without one, browsers give no microphone to a page that is not https:// or localhost.",
        )
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            yield failure(
                "origins",
                f"dashboard.allowed_origins holds {origin!r}, which no browser sends",
                "Write it as scheme and host, without a path or a slash at its end: https://chat.example.org",
            )


def check_way_out() -> Iterator[Finding]:
    """The proxies that the environment names for what the server asks others."""
    proxies = {scheme: address for scheme, address in getproxies().items() if scheme in ("http", "https", "all")}
    broken = [scheme for scheme, address in proxies.items() if not _is_proxy(address)]
    if broken:
        names = ", ".join(f"{scheme}_proxy" for scheme in sorted(broken))
        yield failure("way out", f"{names} is no address", "Write it as http://HOST:PORT, or unset it.")
    elif proxies and not proxy_bypass("127.0.0.1"):
        yield warning(
            "way out",
            "a proxy of the environment is asked for services on this machine, too",
            "Set NO_PROXY=localhost,127.0.0.1, or a model server on this machine (Ollama, say) can't be reached.",
        )
    elif proxies:
        yield ok("way out", "through the proxy of the environment")


def _holds_strangers(name: str) -> bool:
    network = ipaddress.ip_network(name, strict=False)
    return network.prefixlen < WIDE[network.version]


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
