"""Every route against every wrong credential, and against objects of somebody else.

A route without a row fails the first test: whoever adds one says here what it guards.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from astrbot_like.dashboard.routing import Access, Route, RouteTable
from astrbot_like.host.server import Server
from tests.support.admin_house import METRICS_TOKEN, PASSWORD, AdminHouse, admin_house
from tests.support.frames import check_frame

OTHER = "mallory"

# What each route guards. "house": things of the installation, for every signed-in account. "own": the route names an
# object that may be somebody else's, see FOREIGN. "self": it works on the caller's own things only, there is nothing
# to name. "public": nothing.
ROUTES: dict[str, str] = {
    "/healthz": "public",
    "/readyz": "public",
    "/metrics": "house",
    "/api/auth/login": "public",
    "/api/auth/account": "self",
    "/api/auth/sessions": "self",
    "/api/auth/sessions/revoke": "own",
    "/api/auth/logout": "self",
    "/api/auth/logout_everywhere": "self",
    "/api/apikey/list": "self",
    "/api/apikey/create": "self",
    "/api/apikey/revoke": "own",
    "/api/apikey/delete": "own",
    "/api/chat/new_session": "self",
    "/api/chat/sessions": "self",
    "/api/chat/get_session": "own",
    "/api/chat/send": "own",
    "/api/chat/stop": "own",
    "/api/chat/truncate": "own",
    "/api/chat/bind_profile": "own",
    "/api/chat/export": "own",
    "/api/chat/delete_session": "own",
    "/api/chat/batch_delete_sessions": "own",
    "/api/chat/update_session_display_name": "own",
    "/api/chat/post_file": "self",
    "/api/chat/get_attachment": "own",
    "/api/provider/list": "house",
    "/api/provider/catalogue": "house",
    "/api/provider/detected": "house",
    "/api/provider/new": "house",
    "/api/provider/update": "house",
    "/api/provider/delete": "house",
    "/api/provider/test": "house",
    "/api/provider/models": "house",
    "/api/provider/voices": "house",
    "/api/platform/list": "house",
    "/api/platform/catalogue": "house",
    "/api/platform/state": "house",
    "/api/platform/new": "house",
    "/api/platform/update": "house",
    "/api/platform/start": "house",
    "/api/platform/stop": "house",
    "/api/platform/delete": "house",
    "/api/platform/webhook/<webhook_id>": "public",
    "/api/config/list": "house",
    "/api/config/read": "house",
    "/api/config/create": "house",
    "/api/config/write": "house",
    "/api/config/delete": "house",
    "/api/config/schema": "house",
    "/api/persona/list": "house",
    "/api/persona/create": "house",
    "/api/persona/update": "house",
    "/api/persona/delete": "house",
    "/api/persona/tools": "house",
    "/api/conversation/list": "house",
    "/api/conversation/read": "house",
    "/api/conversation/search": "house",
    "/api/conversation/export": "house",
    "/api/conversation/attachment": "house",
    "/api/conversation/delete": "house",
    "/api/plugin/get": "house",
    "/api/plugin/install": "house",
    "/api/plugin/install-upload": "house",
    "/api/plugin/uninstall": "house",
    "/api/plugin/on": "house",
    "/api/plugin/off": "house",
    "/api/plugin/reload": "house",
    "/api/plugin/update": "house",
    "/api/plugin/config": "house",
    "/api/plugin/config-file": "house",
    "/api/plugin/tool": "house",
    "/api/plugin/readme": "house",
    "/api/plugin/logo": "house",
    "/api/plugin/page": "house",
    "/api/plugin/page/content/<ticket>/<path:file>": "house",
    "/api/plug/<path:route>": "house",
    "/api/stat/overview": "house",
    "/api/stat/series": "house",
    "/api/stat/latency": "house",
    "/api/stat/usage": "house",
    "/api/stat/limits": "house",
    "/api/stat/limits/lift": "house",
    "/api/stat/versions": "house",
    "/api/log/history": "house",
    "/api/log/live": "house",
    "/api/backup/list": "house",
    "/api/backup/create": "house",
    "/api/backup/export": "house",
    "/api/backup/download": "house",
    "/api/backup/delete": "house",
    "/api/backup/restore": "house",
    "/api/backup/import": "house",
    "/api/mcp/list": "house",
    "/api/mcp/new": "house",
    "/api/mcp/update": "house",
    "/api/mcp/delete": "house",
    "/api/mcp/test": "house",
    "/api/mcp/tool": "house",
    "/api/v1/chat": "own",
    "/api/v1/chat/sessions": "self",
    "/api/v1/configs": "house",
    "/api/v1/file": "own",
    "/api/v1/im/message": "own",
    "/api/v1/im/bots": "house",
    "/api/v1/plugins/extensions/<path:route>": "house",
}


@pytest.fixture
async def house(tmp_path):
    async with admin_house(tmp_path, lifespan=False) as house:
        await house.accounts.add(OTHER, "another password")
        yield house


def declared(house: AdminHouse) -> list[Route]:
    return [route for route in RouteTable.of(house.app).routes if not route.page and not route.websocket]


async def test_every_route_has_its_row(house):
    paths = {route.path for route in declared(house)}
    assert paths - set(ROUTES) == set(), "new routes: say in ROUTES what they guard"
    assert set(ROUTES) - paths == set(), "rows without a route"
    for route in declared(house):
        assert (route.access.kind == "public") == (ROUTES[route.path] == "public"), route.path


async def wrong_credentials(house: AdminHouse, access: Access) -> list[tuple[str, dict[str, Any], int, str]]:
    """Name, headers, status and message of each refusal."""
    now = house.clock.time()
    expired_token = await expired(house)
    ended = await house.token(OTHER)
    identity = await house.authenticator.token(ended)
    await house.accounts.revoke_token(identity.credential, now + 100)
    revoked = await house.api_keys.create("r", ["*"], creator="admin")
    await house.api_keys.revoke(revoked.record.key_id)
    dying = await house.api_keys.create("e", ["*"], creator="admin", expires_at=now + 1000)
    await house.expire(dying.record)
    good_token = await house.token()
    if access.kind == "metrics":
        return [
            ("none", {}, 401, "The metrics token is missing or wrong."),
            ("token", bearer(good_token), 401, "The metrics token is missing or wrong."),
            ("part", bearer(METRICS_TOKEN[:-1]), 401, "The metrics token is missing or wrong."),
        ]
    if access.kind == "page":
        # Only the ticket in the path counts; this one is no ticket, whatever else is sent.
        expired_page = "This page has expired. Open it again from the plugins' page."
        return [
            ("none", {}, 401, expired_page),
            ("token", bearer(good_token), 401, expired_page),
            ("api key", {"X-API-Key": await house.key("*")}, 401, expired_page),
        ]
    if access.kind == "dashboard":
        key = await house.key("*")
        return [
            ("none", {}, 401, "Missing authentication token"),
            ("garbage", bearer("x"), 401, "Invalid token"),
            ("expired", bearer(expired_token), 401, "Token expired"),
            ("revoked", bearer(ended), 401, "Invalid token"),
            ("api key", bearer(key), 401, "Invalid token"),
            ("key header", {"X-API-Key": key}, 401, "Missing authentication token"),
            ("cookie", {"Cookie": f"token={good_token}"}, 401, "Missing authentication token"),
        ]
    others = [scope for scope in ("chat", "config", "file", "im") if scope != access.scope]
    narrow = await house.key(*others)
    both = access.kind == "dashboard_or_key"
    return [
        ("none", {}, 401, "Missing API key"),
        ("unknown", {"X-API-Key": "abk_" + "x" * 43}, 401, "Invalid API key"),
        ("foreign form", {"X-API-Key": "sk-123"}, 401, "Invalid API key"),
        ("revoked", {"X-API-Key": revoked.key}, 401, "Invalid API key"),
        ("expired", {"X-API-Key": dying.key}, 401, "Invalid API key"),
        ("scope", {"X-API-Key": narrow}, 403, "Insufficient API key scope"),
        ("expired token", bearer(expired_token), 401, "Token expired" if both else "Invalid API key"),
        *([] if both else [("token", bearer(good_token), 401, "Invalid API key")]),
    ]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def expired(house: AdminHouse) -> str:
    from astrbot_like.dashboard.tokens import Claims, encode_token

    claims = Claims("admin", house.clock.time() - 1, "j", 0)
    return encode_token(claims, await house.accounts.signing_secret())


async def test_wrong_credentials_are_refused_everywhere(house):
    refusals: dict[Access, Any] = {}
    good_ticket = await house.authenticator.page_ticket(await house.authenticator.token(await house.token()), "p", "q")
    for route in declared(house):
        if route.access.kind == "public":
            continue
        if route.access not in refusals:
            refusals[route.access] = await wrong_credentials(house, route.access)
        for name, headers, status, message in refusals[route.access]:
            for method in route.methods:
                path = route.path.replace("<path:route>", "some/route").replace("<path:file>", "index.html")
                path = path.replace("<ticket>", good_ticket[:-1])
                response = await house.call(method, path, headers=headers)
                answer = await response.get_json()
                assert (response.status_code, answer["message"]) == (status, message), (method, path, name)
                assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def foreign_requests(house: AdminHouse) -> dict[str, tuple[str, str, dict[str, Any], int]]:
    """For each "own" route a request of ``admin`` (or a program acting for alice) for what is OTHER's."""
    session = await house.sessions.open(None, username=OTHER)
    stored = await house.attachments.put_bytes(b"private", filename="p.txt", owner=OTHER)
    by_key = await house.attachments.put_bytes(b"private", filename="p.txt", owner="key:other")
    key_id = (await house.api_keys.create("theirs", ["chat"], creator=OTHER)).record.key_id
    token, identity = await house.authenticator.sign_in(OTHER)
    assert token
    await house.sign_ins.remember(OTHER, identity.credential, expires_at=2e9, user_agent="", address="")
    sid = {"session_id": session.session_id}
    query = f"?session_id={session.session_id}"
    message = {"message": "hello", **sid}
    file_part = [{"type": "image", "attachment_id": by_key.attachment_id}]
    return {
        "/api/auth/sessions/revoke": ("POST", "", {"id": identity.credential}, 404),
        "/api/apikey/revoke": ("POST", "", {"key_id": key_id}, 404),
        "/api/apikey/delete": ("POST", "", {"key_id": key_id}, 404),
        "/api/chat/get_session": ("GET", query, {}, 403),
        "/api/chat/send": ("POST", "", message, 403),
        "/api/chat/stop": ("POST", "", sid, 403),
        "/api/chat/truncate": ("POST", "", {**sid, "after_id": 1}, 403),
        "/api/chat/bind_profile": ("POST", "", {**sid, "profile_id": "default"}, 403),
        "/api/chat/export": ("GET", query, {}, 403),
        "/api/chat/delete_session": ("POST", "", sid, 403),
        "/api/chat/batch_delete_sessions": ("POST", "", {"session_ids": [session.session_id]}, 403),
        "/api/chat/update_session_display_name": ("POST", "", {**sid, "display_name": "mine"}, 403),
        "/api/chat/get_attachment": ("GET", f"?attachment_id={stored.attachment_id}", {}, 404),
        "/api/v1/chat": ("POST", "", {**message, "username": "alice"}, 403),
        "/api/v1/file": ("GET", f"?attachment_id={by_key.attachment_id}", {}, 404),
        "/api/v1/im/message": (
            "POST",
            "",
            {"umo": "webchat:FriendMessage:webchat!alice!s", "message": file_part},
            404,
        ),
    }


async def test_objects_of_others_are_out_of_reach(house):
    requests = await foreign_requests(house)
    assert set(requests) == {path for path, guards in ROUTES.items() if guards == "own"}
    key = await house.key("*")
    for path, (method, query, body, status) in requests.items():
        credential = {"key": key} if path.startswith("/api/v1/") else {"token": await house.token()}
        options: dict[str, Any] = {"json": body} if method == "POST" else {}
        response = await house.call(method, path + query, **credential, **options)
        answer = await response.get_json()
        assert response.status_code == status, (path, answer)
        if status == 403:
            assert answer["message"] == "session_id belongs to another username", path
    # Nothing of it has had an effect.
    theirs = await house.conversations.list(creator=OTHER)
    assert [session.display_name for session in theirs.sessions] == [""]
    assert all(key.revoked_at is None for key in await house.api_keys.all() if key.creator == OTHER)
    assert len(await house.sign_ins.list(OTHER)) == 1


async def test_lists_hold_ones_own_things_only(house):
    await house.sessions.open(None, username=OTHER)
    mine = await house.sessions.open(None, username="admin")
    await house.api_keys.create("theirs", ["chat"], creator=OTHER)
    await house.api_keys.create("of the house", ["chat"], creator="command line")
    token = await house.token()
    listed = await house.data("GET", "/api/chat/sessions", token=token)
    assert [session["session_id"] for session in listed["sessions"]] == [mine.session_id]
    keys = await house.data("GET", "/api/apikey/list", token=token)
    assert [key["name"] for key in keys["keys"]] == ["of the house"]
    programs = await house.data("GET", "/api/v1/chat/sessions?username=admin", key=await house.key("chat"))
    assert [session["session_id"] for session in programs["sessions"]] == [mine.session_id]


async def test_a_changed_password_ends_every_token(house):
    old = await house.token()
    changed = await house.data(
        "POST",
        "/api/auth/account",
        token=old,
        json={"password": PASSWORD, "new_password": "an even longer password"},
    )
    assert (await house.call("GET", "/api/auth/account", token=old)).status_code == 401
    assert (await house.call("GET", "/api/auth/account", token=changed["token"])).status_code == 200


async def test_a_rotated_secret_ends_every_token(house):
    token = await house.token()
    await house.accounts.rotate_signing_secret()
    assert (await house.call("GET", "/api/auth/account", token=token)).status_code == 401


async def test_keys_never_come_back(house):
    made = await house.data(
        "POST", "/api/apikey/create", token=await house.token(), json={"name": "n", "scopes": ["chat"]}
    )
    listed = await house.call("GET", "/api/apikey/list", token=await house.token())
    text = await listed.get_data(as_text=True)
    assert made["key"] not in text
    assert made["record"]["prefix"] == made["key"][:12]


SOCKETS = {
    "/api/live_chat/ws": "dashboard",
    "/api/unified_chat/ws": "dashboard",
    "/api/v1/chat/ws": "key",
    "/api/v1/live/ws": "key",
}


async def test_every_socket_refuses_wrong_credentials(house):
    declared_sockets = {route.path: route.access.kind for route in RouteTable.of(house.app).routes if route.websocket}
    assert declared_sockets == SOCKETS, "new sockets: add their row"
    token = await house.token()
    revoked = await house.api_keys.create("r", ["*"], creator="admin")
    await house.api_keys.revoke(revoked.record.key_id)
    by_token = [
        ({}, "Missing authentication token"),
        ({"token": "x"}, "Invalid token"),
        ({"token": await expired(house)}, "Token expired"),
        ({"token": await house.key("*")}, "Invalid token"),
        ({"api_key": await house.key("*")}, "Missing authentication token"),
    ]
    by_key = [
        ({}, "Missing API key"),
        ({"api_key": "abk_" + "x" * 43}, "Invalid API key"),
        ({"key": revoked.key}, "Invalid API key"),
        ({"api_key": await house.key("config", "file", "im")}, "Insufficient API key scope"),
        ({"token": token}, "Missing API key"),
        ({"api_key": token}, "Invalid API key"),
    ]
    server = Server(house.app, host="127.0.0.1", port=0)
    await server.start()
    try:
        for path, kind in SOCKETS.items():
            for query, message in by_token if kind == "dashboard" else by_key:
                address = f"{server.url.replace('http', 'ws', 1)}{path}?{urlencode({**query, 'username': 'alice'})}"
                code, reason, frames = await refused(address)
                assert (code, reason) == (1008, message), (path, query)
                if kind == "key":
                    assert [(f["type"], f["code"], f["data"]) for f in frames] == [("error", "UNAUTHORIZED", message)]
                else:
                    assert frames == []
        page = "https://evil.example"
        for path, kind in SOCKETS.items():
            if kind == "dashboard":
                address = f"{server.url.replace('http', 'ws', 1)}{path}?token={token}"
                assert (await refused(address, origin=page))[0] == 1008
    finally:
        await server.stop(1)


async def refused(address: str, **options: Any) -> tuple[int, str, list[Any]]:
    """Close code, reason and the frames before it."""
    frames: list[Any] = []
    async with asyncio.timeout(60), connect(address, **options) as socket:
        try:
            while True:
                frames.append(check_frame(await socket.recv()))
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code, closed.rcvd.reason, frames
