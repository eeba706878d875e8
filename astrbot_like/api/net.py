"""Fetching addresses that users or models give: only with limits, never from private places unless allowed.

Every address a name resolves to is checked, and the connection goes to the very address that was checked, so a name
that changes its answer between the check and the connection (DNS rebinding) gains nothing. Redirects are followed by
hand, each checked like the first. No proxy and no cookies are used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urljoin, urlsplit

import msgspec

from astrbot_like.domain.errors import BadRequest, BotError, Forbidden, TooLarge, TurnTimeout, Unavailable

if TYPE_CHECKING:
    import aiohttp

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIXTOFOUR = ipaddress.ip_network("2002::/16")
_PROTOCOL_ASSIGNMENTS = ipaddress.ip_network("192.0.0.0/24")
"""RFC 6890; one cloud answers there with a machine's credentials. Pythons before 3.12.4 call most of it global."""
_NUMERIC_HOST = re.compile(r"(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)\.?$", re.IGNORECASE)
_AGENT = "astrbot-like (+a page reader for its user)"


class AddressRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be fetched, and how much of it."""

    allow_private: Annotated[
        bool, msgspec.Meta(description="Whether private, loopback and link-local addresses may be fetched.")
    ] = False
    allowed_hosts: Annotated[
        tuple[str, ...], msgspec.Meta(description="Host names and addresses that may be fetched wherever they are.")
    ] = ()
    max_bytes: Annotated[int, msgspec.Meta(description="Most bytes read of one answer.")] = 10 * 1024 * 1024
    timeout: Annotated[float, msgspec.Meta(description="Seconds until a fetch is given up.")] = 20.0
    max_redirects: Annotated[int, msgspec.Meta(description="Most redirects followed.")] = 5


class Fetched(msgspec.Struct, frozen=True):
    """A fetched answer.

    Attributes:
        url: Where it came from after redirects.
        content_type: Media type without parameters, lower case.
        charset: The declared character set, or None.
        data: The body.
    """

    url: str
    content_type: str
    charset: str | None
    data: bytes


class AddressRefused(Forbidden):
    """The address is not one that may be fetched."""

    default_message = "This address may not be fetched: it is private or on this machine."


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet; IPv6 forms that hide an IPv4 address are looked through."""
    try:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped
        if hidden is None and ip in _NAT64:
            hidden = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif hidden is None and ip in _SIXTOFOUR:
            hidden = ip.sixtofour
        if hidden is not None:
            ip = hidden
        elif ip.is_site_local:  # RFC 3879; Python calls these global
            return False
    if ip in _PROTOCOL_ASSIGNMENTS:
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


async def fetch(url: str, rules: AddressRules | None = None, *, accept: str = "*/*") -> Fetched:
    """Fetch an address under the rules.

    Args:
        url: http or https.
        rules: Limits; the default ones when not given.
        accept: The ``Accept`` header.

    Raises:
        BadRequest: It is no http or https address.
        AddressRefused: It leads to a place that may not be fetched.
        TooLarge: The answer outgrew the limit.
        TurnTimeout: It took too long.
        Unavailable: The server could not be reached or answered with an error.
    """
    import aiohttp

    rules = rules or AddressRules()
    try:
        async with asyncio.timeout(rules.timeout), _session(rules) as session:
            for _ in range(rules.max_redirects + 1):
                _check(url, rules)
                async with session.get(
                    url, allow_redirects=False, headers={"Accept": accept, "User-Agent": _AGENT}
                ) as response:
                    target = response.headers.get("Location")
                    if response.status in _REDIRECTS and target:
                        url = urljoin(url, target)
                        continue
                    if response.status >= 400:
                        raise Unavailable(f"The page answered with the error {response.status}.")
                    data = await _body(response, rules.max_bytes)
                    return Fetched(url, response.content_type.lower(), response.charset, data)
    except TimeoutError as error:
        raise TurnTimeout(f"The page gave no answer within {rules.timeout:g} s.") from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, _RefusedByRules):
            raise AddressRefused from error
        raise Unavailable("The page can't be reached. Check the address and the network.") from error
    except _RefusedByRules as error:
        raise AddressRefused from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, BotError):
            raise
        raise Unavailable("The page can't be read: the connection failed.") from error
    raise Unavailable(f"The page redirects more than {rules.max_redirects} times.")


class _RefusedByRules(OSError):
    """Raised within aiohttp's resolver, where only an OSError passes through as it is."""


def _check(url: str, rules: AddressRules) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadRequest("This is not a valid address.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise BadRequest("Only http and https addresses can be fetched.")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if _NUMERIC_HOST.search(host):
            # "2130706433" or "0x7f.1" are addresses to a socket but names to a check: no honest link is written so.
            raise AddressRefused from None
        return  # a name: the resolver checks what it leads to
    if not _allowed(host, host, rules):
        raise AddressRefused


def _allowed(host: str, address: str, rules: AddressRules) -> bool:
    return (
        rules.allow_private
        or host.lower() in rules.allowed_hosts
        or address in rules.allowed_hosts
        or is_public(address)
    )


def _session(rules: AddressRules) -> aiohttp.ClientSession:
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    class CheckedResolver(AbstractResolver):
        """Resolves with the system's resolver and gives back allowed addresses only."""

        def __init__(self) -> None:
            self._inner = aiohttp.ThreadedResolver()

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            found: Sequence[ResolveResult] = await self._inner.resolve(host, port, family)
            allowed = [result for result in found if _allowed(host, result["host"], rules)]
            if not allowed:
                raise _RefusedByRules("refused by the address rules")
            return allowed

        async def close(self) -> None:
            await self._inner.close()

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=CheckedResolver(), use_dns_cache=False, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        max_line_size=16 * 1024,
        max_field_size=16 * 1024,
    )


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    gathered = bytearray()
    async for chunk in response.content.iter_any():
        gathered += chunk
        if len(gathered) > most:
            raise TooLarge(f"The page is larger than {most // 1024} KiB.")
    return bytes(gathered)
