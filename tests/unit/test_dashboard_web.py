"""The web UI's files, the headers every answer carries, and who may open a socket."""

from __future__ import annotations

import gzip

import pytest

from astrbot_like.dashboard.app import bare_app
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.guards import Guards
from astrbot_like.dashboard.limits import MemoryRateLimits
from astrbot_like.dashboard.routing import DASHBOARD, PUBLIC, Access, RouteTable
from astrbot_like.dashboard.security import content_security_policy, origin_allowed
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.dashboard.static import register
from astrbot_like.domain.errors import RateLimited
from astrbot_like.runtime.clock import SystemClock


def web_app(root, **settings):
    settings = DashboardSettings(web_root=str(root), **settings)
    clock = SystemClock()
    authenticator = Authenticator(keys=None, accounts=None, secrets=None, clock=clock, token_lifetime=60)
    app = bare_app(settings)
    RouteTable(app, Guards(authenticator, settings, clock))
    register(app, settings)
    return app


@pytest.fixture
def client(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<html>the app</html>")
    (tmp_path / "favicon.ico").write_bytes(b"icon")
    script = b"console.log(1)" * 100
    (tmp_path / "assets" / "app-1a2b.js").write_bytes(script)
    (tmp_path / "assets" / "app-1a2b.js.gz").write_bytes(gzip.compress(script))
    (tmp_path / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return web_app(tmp_path).test_client()


async def body(response) -> bytes:
    return await response.get_data(as_text=False)


async def test_pages_of_the_ui_are_its_index(client):
    for path in ("/", "/chat/123", "/settings"):
        response = await client.get(path, headers={"Accept": "text/html"})
        assert await body(response) == b"<html>the app</html>"
        assert response.headers["Cache-Control"] == "no-cache"
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    ("host", "sources"),
    [
        ("bot.example", "'self' ws://bot.example wss://bot.example"),
        ("127.0.0.1:6185", "'self' ws://127.0.0.1:6185 wss://127.0.0.1:6185"),
        ("[::1]:6185", "'self' ws://[::1]:6185 wss://[::1]:6185"),
        ("a; script-src *", "'self'"),
        ("", "'self'"),
    ],
)
async def test_sockets_of_the_pages_own_host_are_allowed_by_name(host: str, sources: str):
    assert content_security_policy(host).endswith(f"; connect-src {sources}")


async def test_assets_are_immutable_and_compressed_for_those_who_take_it(client):
    plain = await client.get("/assets/app-1a2b.js")
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Accept-Encoding"
    zipped = await client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await body(zipped)) == await body(plain)
    best = await client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip, br"})
    assert best.headers["Content-Encoding"] == "br"
    assert best.mimetype == "text/javascript"
    again = await client.get("/assets/app-1a2b.js", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
    assert (await client.get("/favicon.ico")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/../secret.txt", "//etc/passwd"),
        *("/assets/none.js", "/none.png", "/assets/", "/assets/app-1a2b.js/", "/index.html.br"),
    ],
)
async def test_nothing_else_is_served(client, path):
    response = await client.get(path)
    assert response.status_code == 404
    assert b"secret" not in await body(response)


async def test_api_addresses_that_do_not_exist_are_no_pages(client):
    for path in ("/api/none", "/api", "/api/v1/none"):
        response = await client.get(path, headers={"Accept": "text/html"})
        assert response.status_code == 404
        assert (await response.get_json())["data"]["code"] == "NOT_FOUND"
    response = await client.post("/chat/1", headers={"Accept": "text/html"})
    assert response.status_code == 404


async def test_without_a_built_ui_the_server_says_how_to_build_it(tmp_path):
    response = await web_app(tmp_path / "none").test_client().get("/")
    assert response.status_code == 200
    text = await response.get_data(as_text=True)
    assert "was not built" in text
    assert "make web" in text


async def test_every_answer_carries_the_headers(client):
    for path in ("/", "/api/none", "/assets/app-1a2b.js"):
        headers = (await client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"]
    assert (await client.get("/api/none")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "bot.example", True),
        ("https://bot.example", "bot.example", True),
        ("http://bot.example:6185", "bot.example:6185", True),
        ("http://BOT.example:6185", "bot.example:6185", True),
        ("https://evil.example", "bot.example", False),
        ("https://bot.example.evil", "bot.example", False),
        ("https://bot.example:1", "bot.example", False),
        ("null", "bot.example", False),
        ("https://friend.example", "bot.example", True),
        ("file://", "bot.example", False),
    ],
)
def test_origins_that_may_open_sockets(origin, host, allowed):
    assert origin_allowed(origin, host, ("https://friend.example",)) is allowed


async def test_requests_are_limited_by_address_and_by_credential(tmp_path):
    class Accounts:
        async def token_generation(self, username):
            return 0

        async def token_revoked(self, jti):
            return False

        async def signing_secret(self):
            return "x" * 40

    settings = DashboardSettings(request_rate=0.01, request_burst=3)
    clock = SystemClock()
    accounts = Accounts()
    authenticator = Authenticator(keys=None, accounts=accounts, secrets=accounts, clock=clock, token_lifetime=60)
    app = bare_app(settings)
    guards = Guards(authenticator, settings, MemoryRateLimits(settings, clock))
    tokens = [await authenticator.issue_token(name) for name in ("a", "b")]

    async def admitted(access: Access, **headers: str) -> bool:
        async with app.test_request_context("/", headers=headers):
            try:
                await guards.admit(access)
            except RateLimited:
                return False
        return True

    assert [await admitted(PUBLIC) for _ in range(4)] == [True, True, True, False]
    # Somebody signed in behind the same address is not held up.
    a, b = ({"Authorization": f"Bearer {token}"} for token in tokens)
    assert [await admitted(DASHBOARD, **a) for _ in range(4)] == [True, True, True, False]
    assert await admitted(DASHBOARD, **b)
