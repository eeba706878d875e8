"""Documents of plugins' pages: the bridge script put in, and the policy that keeps a page in its frame."""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

import msgspec

from astrbot_like.plugin_host.pages import Translations

BRIDGE_PATH = "/api/plugin/page/bridge-sdk.js"
"""Address of the bridge script; AstrBot's, since pages may name it themselves."""
LARGEST_DOCUMENT = 8 * 1024 * 1024
_HEAD = re.compile(r"<head(?=[\s>])[^>]*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


class PageContext(msgspec.Struct, frozen=True, rename="camel"):
    """What a page is told about itself and its surroundings (``AstrBotPluginPage.getContext()``).

    Attributes:
        locale: Of the web UI, such as ``zh-CN`` or ``en-US``.
        i18n: The plugin's texts by locale.
        is_dark: Whether the web UI is dark now.
    """

    plugin_name: str
    display_name: str
    page_name: str
    page_title: str
    locale: str
    i18n: Translations
    is_dark: bool


@cache
def bridge_script() -> bytes:
    """The script that offers ``window.AstrBotPluginPage``. Reads the disk once."""
    return Path(__file__).with_name("bridge.js").read_bytes()


def policy(origins: Collection[str]) -> str:
    """Content-Security-Policy of everything a page loads, its documents above all.

    ``sandbox`` holds when such a file is opened outside of the frame, too: without it a plugin's HTML or SVG would run
    as a page of the dashboard and could read its sign-in token. Within the sandbox inline scripts are the page's own
    business, and plugins use them; what matters is where code and data come from and go to. Pictures may come from any
    HTTPS address, since plugins show people's avatars.

    Args:
        origins: Further places scripts, styles, fonts and data may come from.
    """
    further = "".join(f" {origin}" for origin in origins)
    return "; ".join(
        (
            "sandbox allow-scripts allow-forms allow-downloads",
            "default-src 'none'",
            f"script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:{further}",
            f"style-src 'self' 'unsafe-inline'{further}",
            f"font-src 'self' data:{further}",
            f"connect-src 'self'{further}",
            "img-src 'self' data: blob: https:",
            "media-src 'self' data: blob: https:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def with_bridge(document: str, context: PageContext) -> str:
    """A page's HTML with the bridge script before everything else that runs, and its first context."""
    told = html.escape(msgspec.json.encode(context).decode(), quote=True)
    script = f'<script src="{BRIDGE_PATH}" data-context="{told}"></script>'
    place = _HEAD.search(document) or _DOCTYPE.match(document)
    end = place.end() if place else 0
    return document[:end] + script + document[end:]
