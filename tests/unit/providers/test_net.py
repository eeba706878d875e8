"""The address rules."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from astrbot_like.api.net import AddressRefused, AddressRules, fetch, is_public
from astrbot_like.domain.errors import BadRequest, TooLarge, TurnTimeout, Unavailable


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="hello", content_type="text/html")

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=bytes(100_000))

    async def broken(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/away", away), web.get("/large", large), web.get("/broken", broken)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::7f00:1", False),
        ("::7f00:1", False),
        ("fec0::1", False),
        ("192.0.0.192", False),
        ("2002:7f00:1::", False),
        ("nonsense", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
        "http://2130706433:1/",
        "http://0x7f.1:1/",
        "http://0/",
    ],
)
async def test_this_machine_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(AddressRefused):
        await fetch(url)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "gopher://x", "nonsense", "http://", "http://a:b:c/"]
)
async def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        await fetch(url)


async def test_it_fetches_what_the_rules_allow(site: str) -> None:
    fetched = await fetch(site, AddressRules(allow_private=True))
    assert (fetched.data, fetched.content_type, fetched.charset) == (b"hello", "text/html", "utf-8")
    assert (await fetch(site, AddressRules(allowed_hosts=("127.0.0.1",)))).data == b"hello"


async def test_a_redirect_is_checked_like_the_first_address(site: str) -> None:
    rules = AddressRules(allowed_hosts=("127.0.0.1",))
    assert (await fetch(f"{site}/away?to=/", rules)).data == b"hello"
    with pytest.raises(AddressRefused):
        await fetch(f"{site}/away?to=http://169.254.169.254/", rules)
    with pytest.raises(BadRequest):
        await fetch(f"{site}/away?to=file:///etc/passwd", rules)
    with pytest.raises(Unavailable, match="redirects more than"):
        await fetch(f"{site}/away?to={site}/away", AddressRules(allow_private=True, max_redirects=0))


async def test_a_name_that_changes_its_answer_gains_nothing(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    port = int(site.rpartition(":")[2])

    def resolve(host: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressRefused):
        await fetch(f"http://rebinding.example:{port}/")
    assert len(asked) == 1  # one answer is both checked and used


async def test_limits(site: str) -> None:
    with pytest.raises(TooLarge):
        await fetch(f"{site}/large", AddressRules(allow_private=True, max_bytes=1000))
    with pytest.raises(Unavailable, match="404"):
        await fetch(f"{site}/broken", AddressRules(allow_private=True))
    with pytest.raises(Unavailable, match="can't be reached"):
        await fetch("http://127.0.0.1:9/", AddressRules(allow_private=True))
    with pytest.raises(TurnTimeout):
        await fetch(site, AddressRules(allow_private=True, timeout=0.000001))
