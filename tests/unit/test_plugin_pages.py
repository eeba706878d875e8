"""Pages of plugins over HTTP: tickets, files, and what is out of reach."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from astrbot_like.dashboard.page_tickets import PageTicket, decode_ticket, encode_ticket
from astrbot_like.dashboard.plugin_pages import PageContext, policy, with_bridge
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.errors import NotFound, Unauthorized
from astrbot_like.plugin_host.pages import page_file, page_names, read_translations, translated
from tests.support.admin_house import AdminHouse, admin_house

SAMPLE = Path(__file__).parents[1] / "plugins_on_disk" / "sample_web"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[AdminHouse]:
    async with admin_house(tmp_path / "house") as opened:
        shutil.copytree(SAMPLE, opened.plugins.data_dir / "plugins" / "sample_web")
        plugin = await opened.plugins.load("sample_web")
        assert plugin.failure is None
        yield opened


@pytest.fixture
async def token(house: AdminHouse) -> str:
    return await house.token()


async def address(house: AdminHouse, token: str, query: str = "") -> str:
    view = await house.data("GET", f"/api/plugin/page?name=sample_web&page=board{query}", token=token)
    return view["address"]


class TestFiles:
    async def test_a_document_brings_the_bridge_and_its_context(self, house, token):
        response = await house.call("GET", await address(house, token, "&locale=en-US&dark=true"))
        assert response.status_code == 200
        document = await response.get_data(as_text=True)
        script = re.search(r'<head>\s*<script src="/api/plugin/page/bridge-sdk.js" data-context="([^"]*)">', document)
        assert script is not None
        context = json.loads(html.unescape(script[1]))
        assert context.pop("i18n")["zh-CN"]["pages"]["board"]["heading"] == "欢迎"
        assert context == {
            "pluginName": "sample_web",
            "displayName": "Web sample",
            "pageName": "board",
            "pageTitle": "Notice board",
            "locale": "en-US",
            "isDark": True,
        }
        bridge = await house.call("GET", "/api/plugin/page/bridge-sdk.js")
        assert (bridge.status_code, bridge.content_type) == (200, "text/javascript; charset=utf-8")

    async def test_its_other_files_come_with_their_types_and_the_same_policy(self, house, token):
        folder = (await address(house, token)).rsplit("/", 1)[0]
        types = {
            "app.js?v=3": "text/javascript; charset=utf-8",
            "style.css": "text/css; charset=utf-8",
            "parts/dot.svg": "image/svg+xml",
        }
        for file, content_type in types.items():
            response = await house.call("GET", f"{folder}/{file}")
            assert (response.status_code, response.content_type) == (200, content_type), file
            assert response.headers["Content-Security-Policy"].startswith("sandbox allow-scripts allow-forms")
            assert "allow-same-origin" not in response.headers["Content-Security-Policy"]
            assert response.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize(
        "path",
        (
            *("../main.py", "..%2fmain.py", "%2e%2e/%2e%2e/main.py", "..\\main.py", "parts/../../main.py"),
            *("/etc/passwd", "link.txt", ".env", "%00", "none", "parts//put.js", "parts/none.js", "x" * 400),
        ),
    )
    async def test_nothing_else_is_within_reach(self, house, token, path):
        board = house.plugins.data_dir / "plugins" / "sample_web" / "pages" / "board"
        (board / ".env").write_text("secret", "ascii")
        (board / "link.txt").symlink_to(board.parents[1] / "main.py")
        folder = (await address(house, token)).rsplit("/", 1)[0]
        response = await house.call("GET", f"{folder}/{path}")
        assert response.status_code == 404


class TestTickets:
    async def test_a_ticket_opens_one_page_of_one_plugin(self, house, token):
        pages = house.plugins.data_dir / "plugins" / "sample_web" / "pages"
        shutil.copytree(pages / "board", pages / "other")
        (pages / "other" / "only.txt").write_text("other", "ascii")
        folder = (await address(house, token)).rsplit("/", 1)[0]
        assert (await house.call("GET", f"{folder}/only.txt")).status_code == 404
        assert (await house.call("GET", f"{folder}/../other/only.txt")).status_code == 404

    async def test_a_ticket_is_no_sign_in_and_a_sign_in_no_ticket(self, house, token):
        ticket = (await address(house, token)).split("/")[-2]
        assert token not in ticket
        refused = await house.call("GET", "/api/plugin/get", headers={"Authorization": f"Bearer {ticket}"})
        assert refused.status_code == 401
        for wrong in (token, ticket[:-2] + "xx", "é", ticket + "A", ""):
            response = await house.call("GET", f"/api/plugin/page/content/{wrong}/index.html")
            assert response.status_code in (401, 404), wrong

    async def test_it_ends_with_the_sign_in(self, house, token):
        other = await house.token()
        mine, theirs = await address(house, token), await address(house, other)
        await house.data("POST", "/api/auth/logout", token=token, json={})
        assert (await house.call("GET", mine)).status_code == 401
        assert (await house.call("GET", theirs)).status_code == 200

    def test_it_ends_after_its_hour_and_with_the_secret(self):
        ticket = PageTicket("ann", "sign-in", 0, 1000.0, "plugin", "page")
        text = encode_ticket(ticket, "secret")
        assert decode_ticket(text, "secret", now=999) == ticket
        for secret, now in (("secret", 1000), ("another", 999)):
            with pytest.raises(Unauthorized):
                decode_ticket(text, secret, now=now)

    async def test_a_plugin_that_is_off_has_no_pages(self, house, token):
        opened = await address(house, token)
        await house.data("POST", "/api/plugin/off", token=token, json={"name": "sample_web"})
        assert (await house.call("GET", opened)).status_code == 404
        query = "/api/plugin/page?name=sample_web&page=board"
        assert (await house.call("GET", query, token=token)).status_code == 404

    async def test_pages_that_do_not_exist(self, house, token):
        for name, page in (("sample_web", "none"), ("sample_web", "../board"), ("none", "board"), ("sample_web", "")):
            response = await house.call("GET", f"/api/plugin/page?name={name}&page={page}", token=token)
            assert response.status_code == 404, (name, page)


async def test_the_list_of_plugins_names_pages_and_translations(house, token):
    listed = (await house.data("GET", "/api/plugin/get", token=token))["plugins"]
    assert listed[0]["pages"] == ["board"]
    assert listed[0]["texts"]["zh-CN"] == {
        "display_name": "网页示例",
        "short_description": "",
        "description": "网页接口和一个页面",
        "pages": {"board": "公告板"},
        "commands": {},
    }


def test_the_bridge_goes_before_everything_that_runs():
    context = PageContext("p", "P", "q", "Q", "en-US", {}, is_dark=False)
    script = with_bridge("", context)
    assert with_bridge("<script>1</script>", context) == script + "<script>1</script>"
    doctype = "<!DOCTYPE html>\n"
    assert with_bridge(doctype + "<header>", context) == doctype.strip() + script + "\n<header>"
    assert with_bridge("<html><HEAD lang=en><x>", context) == "<html><HEAD lang=en>" + script + "<x>"
    quoted = PageContext("p", "P", "q", "</script><script>\"'&", "en-US", {}, is_dark=False)
    assert with_bridge("", quoted).count("<script") == 1


def test_further_origins_are_a_setting():
    assert "https://cdn.example" not in policy(DashboardSettings().plugin_page_origins)
    allowed = policy(("https://cdn.example",))
    for directive in ("script-src", "style-src", "font-src", "connect-src"):
        assert re.search(rf"{directive} [^;]* https://cdn\.example", allowed)


def test_pages_and_translations_on_disk(tmp_path: Path):
    assert page_names(tmp_path) == []
    assert read_translations(tmp_path) == {}
    shutil.copytree(SAMPLE, tmp_path / "p")
    plugin = tmp_path / "p"
    (plugin / "pages" / "empty").mkdir()
    (plugin / "pages" / ".hidden").mkdir()
    (plugin / "pages" / ".hidden" / "index.html").touch()
    assert page_names(plugin) == ["board"]
    (plugin / ".astrbot-plugin" / "i18n" / "broken.json").write_text("{", "ascii")
    (plugin / ".astrbot-plugin" / "i18n" / "ru-RU.json").write_text("[]", "ascii")
    texts = read_translations(plugin)
    assert sorted(texts) == ["en-US", "zh-CN"]
    assert translated(texts, "en-US", "pages.board.title") == "Notice board"
    assert translated(texts, "en-US", "pages.board") == translated(texts, "fr", "pages.board.title") == ""
    (plugin / "pages" / "out").symlink_to(tmp_path)
    (tmp_path / "index.html").touch()
    with pytest.raises(NotFound):
        page_file(plugin, "out", "index.html")
