"""A web page as text for a model, fetched under the address rules."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from astrbot_like.api.net import AddressRules, BotError, Fetched, fetch

_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "nav", "footer", "iframe", "form"})
_BLOCKS = frozenset(
    "p div section article li ul ol table tr h1 h2 h3 h4 h5 h6 br hr blockquote pre main header dt dd".split()  # noqa: SIM905
)
_READABLE = ("text/", "application/json", "application/xml", "application/xhtml", "application/rss", "application/atom")


async def read_page(url: str, options: Mapping[str, Any]) -> str:
    """The text of a page with its title, or in words why there is none.

    Args:
        url: http or https address.
        options: The section ``web_pages`` of the plugin's configuration.
    """
    rules = AddressRules(
        allow_private=bool(options.get("allow_private", False)),
        allowed_hosts=tuple(str(host) for host in options.get("allowed_hosts") or ()),
        max_bytes=int(options.get("max_kilobytes", 2048)) * 1024,
        timeout=float(options.get("timeout", 15.0)),
    )
    try:
        fetched = await fetch(url.strip(), rules, accept="text/html,text/plain;q=0.9,*/*;q=0.5")
    except BotError as error:
        return f"The page could not be read. {error.message}"
    if not fetched.content_type.startswith(_READABLE):
        return f"The address holds no text but {fetched.content_type}."
    title, text = await asyncio.to_thread(page_text, fetched)
    most = int(options.get("max_characters", 12000))
    cut = f"\n[cut off: {len(text) - most} more characters]" if len(text) > most else ""
    head = f"{title}\n{fetched.url}\n\n" if title else f"{fetched.url}\n\n"
    return head + text[:most] + cut


def page_text(fetched: Fetched) -> tuple[str, str]:
    """Title and readable text of a fetched answer."""
    declared = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", fetched.data[:4096], re.IGNORECASE)
    charset = fetched.charset or (declared.group(1).decode() if declared else "utf-8")
    try:
        source = fetched.data.decode(charset, "replace")
    except LookupError:
        source = fetched.data.decode("utf-8", "replace")
    if "html" not in fetched.content_type:
        return "", source.strip()
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in "".join(reader.pieces).splitlines())
    return " ".join("".join(reader.title).split()), re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Gathers what a reader of the page sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.title: list[str] = []
        self._skipping: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipping:
            # A page may leave tags open: everything up to the one that is closed ends with it.
            while self._skipping and self._skipping.pop() != tag:
                pass
        elif tag == "title":
            self._in_title = False
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        (self.title if self._in_title else self.pieces).append(data)
