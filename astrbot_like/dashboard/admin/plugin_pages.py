"""Pages that plugins add to the web UI: where they are, their files, and the script that connects them."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from quart import Quart, Response, request

from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.identity import Identity, PageIdentity
from astrbot_like.dashboard.plugin_pages import (
    BRIDGE_PATH,
    LARGEST_DOCUMENT,
    PageContext,
    bridge_script,
    policy,
    with_bridge,
)
from astrbot_like.dashboard.routing import DASHBOARD, PAGE, Answer, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.pages import ENTRY_FILE, Translations, page_file, read_translations, translated
from astrbot_like.plugin_host.records import Plugin

CONTENT = "/api/plugin/page/content"
DEFAULT_LOCALE = "zh-CN"
FILE = Answer("*/*", "The file.", statuses=(200, 206, 304, 416))
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json"}
"""Types that a browser insists on, whatever the machine's own table says."""


class PageQuery(msgspec.Struct, frozen=True):
    """A page, and how the web UI looks now.

    Attributes:
        name: Name of the plugin.
        page: Name of the page.
    """

    name: str
    page: str
    locale: Annotated[str, Meta(max_length=40)] = DEFAULT_LOCALE
    dark: bool = False


class PageView(msgspec.Struct, frozen=True):
    """A page that can be shown.

    Attributes:
        address: What to show in the frame; it works for an hour and while the sign-in lasts.
        title: In the language asked for.
        display_name: The plugin's name in that language.
        i18n: The plugin's texts by locale.
    """

    address: str
    title: str
    display_name: str
    i18n: Translations


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    table = RouteTable.of(app)
    routes = table.group("Plugins")
    host = services.plugin_manager
    headers = {
        "Content-Security-Policy": policy(services.settings.plugin_page_origins),
        # A sandboxed frame has no origin, so its module scripts and fonts are asked for across origins.
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-store",
    }

    @routes.get("/api/plugin/page", access=DASHBOARD, errors=(errors.NotFound,))
    async def plugin_page(identity: Identity, query: PageQuery) -> PageView:
        """Open a page of a plugin: its address for a sandboxed frame."""
        plugin = _running(host, query.name)
        await asyncio.to_thread(page_file, plugin.source.folder, query.page, ENTRY_FILE)
        ticket = await services.authenticator.page_ticket(identity, plugin.name, query.page)
        context = await asyncio.to_thread(_context, plugin, query.page, query.locale, query.dark)
        looks = urlencode({"locale": query.locale, "dark": str(query.dark).lower()})
        address = f"{CONTENT}/{ticket}/{ENTRY_FILE}?{looks}"
        return PageView(address, context.page_title, context.display_name, context.i18n)

    @routes.get(CONTENT + "/<ticket>/<path:file>", access=PAGE, errors=(errors.NotFound,), answer=FILE)
    async def plugin_page_file(identity: PageIdentity, ticket: str, file: str) -> Response:
        """Read a file of a plugin's page.

        The ticket in the path comes from `/api/plugin/page`; it stands for a sign-in and opens this page's files alone.
        HTML documents get the script that connects them with the web UI.
        """
        plugin = _running(host, identity.plugin)
        path = await asyncio.to_thread(page_file, plugin.source.folder, identity.page, file)
        if path.suffix.lower() not in (".html", ".htm"):
            mime_type = (
                TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            )
            return await file_response(path, mime_type=mime_type, headers=headers)
        # A page may use its query for things of its own, so nothing in there is an error.
        locale, dark = request.args.get("locale", DEFAULT_LOCALE), request.args.get("dark") == "true"
        context = await asyncio.to_thread(_context, plugin, identity.page, locale, dark)
        document = with_bridge(await asyncio.to_thread(_read_document, path), context)
        return Response(document, 200, headers, content_type="text/html; charset=utf-8")

    async def page_bridge() -> Response:
        """The script that connects a page with the web UI."""
        script = await asyncio.to_thread(bridge_script)
        return Response(script, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})

    table.add_page(BRIDGE_PATH, "page_bridge", page_bridge)


def _running(host: PluginHost, name: str) -> Plugin:
    plugin = host.find(name)
    if not plugin.active:
        raise errors.NotFound(f"{name} does not run, so its pages can't be shown.")
    return plugin


def _context(plugin: Plugin, page: str, locale: str, dark: bool) -> PageContext:
    texts = read_translations(plugin.source.folder)
    name = translated(texts, locale, "metadata.display_name") or plugin.metadata.display_name or plugin.name
    title = translated(texts, locale, f"pages.{page}.title") or page
    return PageContext(plugin.name, name, page, title, locale, texts, dark)


def _read_document(path: Path) -> str:
    if path.stat().st_size > LARGEST_DOCUMENT:
        raise errors.NotFound(f"{path.name} of this page is larger than {LARGEST_DOCUMENT} bytes.")
    return path.read_text(encoding="utf-8-sig", errors="replace")
