"""Which profile a session talks with: the one it is bound to, the one its origin is routed to, the default one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from astrbot_like.domain.profiles import Profile
from tests.support.applications import application, make_key, sign_in
from tests.support.frames import read_sse
from tests.support.houses import FAKES


@pytest.mark.parametrize(
    ("route", "umo", "taken"),
    [
        ("telegram", "telegram:GroupMessage:1", True),
        ("telegram", "telegram2:GroupMessage:1", False),
        ("telegram:GroupMessage", "telegram:FriendMessage:1", False),
        ("*:GroupMessage:", "qq:GroupMessage:1", True),
        (":GroupMessage", "qq:GroupMessage:1", True),
        ("qq::12*", "qq:FriendMessage:123", True),
        ("qq::12*", "qq:FriendMessage:312", False),
        ("webchat:FriendMessage:webchat!ann!*", "webchat:FriendMessage:webchat!ann!s:1", True),
        ("webchat:FriendMessage:webchat!ann!*", "webchat:FriendMessage:webchat!anna!s", False),
        ("QQ", "qq:FriendMessage:1", False),
    ],
)
def test_a_route_is_a_pattern_of_origins(route: str, umo: str, taken: bool):
    assert Profile("p", "P", routes=("nowhere", route)).takes(umo) is taken


GREETER = """
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Greeter(Star):
    @filter.command("greet")
    async def greet(self, event: AstrMessageEvent):
        yield event.plain_result("the plugin")
"""


@asynccontextmanager
async def house(data: Path) -> AsyncIterator[aiohttp.ClientSession]:
    shutil.copytree(FAKES, data / "plugins" / "fake_providers", dirs_exist_ok=True)
    names = ("usual", "family", "work")
    providers = [{"id": name, "type": "fake_chat", "reply": f"the {name} one"} for name in names]
    profiles = {
        "default": {"llm": ["usual"]},
        "family": {"llm": ["family"], "routes": ["webchat::webchat!mum!*"]},
        "work": {"llm": ["work"], "name": "Work", "plugin_set": ["fake_providers"]},
    }
    async with (
        application(data, providers=providers, profiles=profiles) as app,
        aiohttp.ClientSession(app.url) as http,
    ):
        http.headers["X-API-Key"] = await make_key(http, "chat")
        yield http


async def reply(http: aiohttp.ClientSession, username: str, **body: object) -> str:
    sent = {"message": "hi", "username": username, **body}
    async with http.post("/api/v1/chat", json=sent) as answer:
        assert answer.status == 200, await answer.text()
        return "".join([f["data"] async for f in read_sse(answer.content) if f.get("type") == "plain"])


async def test_bindings_win_over_routes_and_default_undoes_them(tmp_path: Path):
    async with house(tmp_path) as http:
        assert await reply(http, "ann", session_id="a") == "the usual one"
        assert await reply(http, "mum", session_id="m") == "the family one"
        assert await reply(http, "mum", session_id="m", config_name="Work") == "the work one"
        assert await reply(http, "mum", session_id="m") == "the work one", "it stays bound"
        assert await reply(http, "mum", session_id="m", config_id="default") == "the family one"
        assert await reply(http, "mum", session_id="m2", config_id="work") == "the work one"
        assert await reply(http, "ann", session_id="a", config_id="work") == "the work one"
        assert await reply(http, "ann", session_id="a", config_id="default") == "the usual one"


async def test_a_profile_has_the_plugins_that_were_chosen_for_it(tmp_path: Path):
    plugin = tmp_path / "plugins" / "greeter"
    plugin.mkdir(parents=True)
    (plugin / "main.py").write_text(GREETER)
    (plugin / "metadata.yaml").write_text("name: greeter\ndesc: x\nversion: 1.0.0\nauthor: x\n")
    async with house(tmp_path) as http:
        asked = {"message": "/greet", "session_id": "a"}
        assert await reply(http, "ann", **asked) == "the plugin"
        assert await reply(http, "ann", **asked, config_id="work") == "the work one"
        assert await reply(http, "ann", **asked, config_id="default") == "the plugin"


async def test_a_route_that_is_made_while_the_server_runs_holds_at_the_next_message(tmp_path: Path):
    async with house(tmp_path) as http:
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        async with http.post("/api/config/create", json={"name": "new", "copy_from": "work"}, headers=headers) as made:
            profile_id = (await made.json())["data"]["id"]
        change = {"id": profile_id, "profile": {"routes": ["webchat::webchat!ann!*"]}}
        async with http.post("/api/config/write", json=change, headers=headers) as written:
            assert (await written.json())["data"]["profile"]["routes"] == change["profile"]["routes"]
        assert await reply(http, "ann", session_id="a") == "the work one"
        async with http.post("/api/config/delete", json={"id": profile_id}, headers=headers) as gone:
            assert gone.status == 200
        assert await reply(http, "ann", session_id="a") == "the usual one"
